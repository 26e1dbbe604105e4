"""Finding: the wordings of each case, the words of every post, and what else an account posted.

Revision: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels: str | None = None
depends_on: str | None = None

INSTANT = sa.DateTime(timezone=True)

# ASCII punctuation and the usual marks beyond it: they part words and are none. PostgreSQL's parser would
# else take an address or a name with a hyphen for one word, and SQLite's would not.
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡¿«»‘’‚“”„‹›…–—―·•。、，！？：；「」『』（）【】"


def upgrade() -> None:
    op.create_table(
        "case_texts",
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("text_key", sa.String(length=64), nullable=False),
        sa.Column("posts", sa.Integer(), nullable=False),
        sa.Column("first_post_id", sa.String(length=26), nullable=False),
        sa.Column("first_seen_at", INSTANT, nullable=False, comment="when the first of them was received"),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sa.CheckConstraint("posts > 0", name="ck_case_texts_posts"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_case_texts_case_id_cases"),
        sa.ForeignKeyConstraint(
            ["first_post_id"], ["posts.post_id"], name="fk_case_texts_first_post_id_posts"
        ),
        sa.ForeignKeyConstraint(
            ["text_key"], ["distinct_texts.text_key"], name="fk_case_texts_text_key_distinct_texts"
        ),
        sa.PrimaryKeyConstraint("case_id", "text_key", name="pk_case_texts"),
    )
    op.create_index("ix_case_texts_text_key", "case_texts", ["text_key"], unique=False)
    op.create_index("ix_case_texts_first", "case_texts", ["case_id", "first_post_id"], unique=False)
    op.create_index("ix_posts_account", "posts", ["author", "platform", "post_id"], unique=False)
    op.create_index("ix_posts_url", "posts", ["url"], unique=False, postgresql_using="hash")
    op.create_index("ix_posts_received_at", "posts", ["received_at"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        _index_words_on_postgresql()
    else:
        _index_words_on_sqlite()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX ix_posts_words")
        op.execute("ALTER TABLE posts DROP COLUMN words")
    else:
        op.execute("DROP TRIGGER posts_index_words")
        op.execute("DROP TRIGGER posts_forget_words")
        op.execute("DROP TABLE post_words")
        op.execute("DROP VIEW post_words_source")
        op.execute("DROP TABLE searched_posts")
    for index in ("ix_posts_received_at", "ix_posts_url", "ix_posts_account"):
        op.drop_index(index, table_name="posts")
    op.drop_table("case_texts")


def _index_words_on_postgresql() -> None:
    # `simple` keeps every word as it is: an officer looks for what was written, in any language.
    blanks = " " * len(PUNCTUATION)
    punctuation = PUNCTUATION.replace("'", "''")
    op.execute(
        "ALTER TABLE posts ADD COLUMN words tsvector GENERATED ALWAYS AS "
        f"(to_tsvector('simple', translate(text, '{punctuation}', '{blanks}'))) STORED"
    )
    op.execute("CREATE INDEX ix_posts_words ON posts USING gin (words)")


def _index_words_on_sqlite() -> None:
    # A number of its own for each post: VACUUM may renumber rows that have no INTEGER PRIMARY KEY, and posts
    # have none, so an index on their row numbers would point at others after it.
    op.execute(
        "CREATE TABLE searched_posts (row_id INTEGER PRIMARY KEY, post_id VARCHAR(26) NOT NULL UNIQUE)"
    )
    op.execute("INSERT INTO searched_posts (post_id) SELECT post_id FROM posts ORDER BY post_id")
    # The index holds words and no text: it reads texts from posts, through this view.
    op.execute(
        "CREATE VIEW post_words_source (row_id, text) AS SELECT s.row_id, p.text FROM searched_posts s "
        "JOIN posts p ON p.post_id = s.post_id"
    )
    op.execute(
        "CREATE VIRTUAL TABLE post_words USING fts5(text, content='post_words_source', content_rowid='row_id', "
        "tokenize='unicode61 remove_diacritics 0')"
    )
    op.execute("INSERT INTO post_words (post_words) VALUES ('rebuild')")
    op.execute(
        "CREATE TRIGGER posts_index_words AFTER INSERT ON posts BEGIN "
        "INSERT INTO searched_posts (post_id) VALUES (NEW.post_id); "
        "INSERT INTO post_words (rowid, text) SELECT row_id, NEW.text FROM searched_posts "
        "WHERE post_id = NEW.post_id; END"
    )
    op.execute(
        "CREATE TRIGGER posts_forget_words AFTER DELETE ON posts BEGIN "
        "INSERT INTO post_words (post_words, rowid, text) SELECT 'delete', row_id, OLD.text "
        "FROM searched_posts WHERE post_id = OLD.post_id; "
        "DELETE FROM searched_posts WHERE post_id = OLD.post_id; END"
    )
