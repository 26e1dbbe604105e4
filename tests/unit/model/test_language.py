"""Language: what is plainly another language is refused, every doubt is scored."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import py3langid.langid
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from model import language
from model.configuration import configs_folder
from model.errors import BadConfig
from model.language import (
    check_languages,
    identify,
    language_settings,
    load_identifier,
    load_language_settings,
    unread_language,
)

FOREIGN = {
    "ar": "افتتحت المكتبة الجديدة أبوابها صباح اليوم في وسط المدينة",
    "de": "Die neue Bibliothek in der Innenstadt öffnet morgen früh um neun Uhr.",
    "es": "La nueva biblioteca del barrio abre mañana a las nueve de la mañana.",
    "fa": "کتابخانه جدید شهر فردا صبح ساعت نه باز می‌شود و همه می‌توانند بیایند",
    "fr": "La nouvelle bibliothèque du quartier ouvre demain matin à neuf heures.",
    "he": "הספרייה החדשה במרכז העיר נפתחת מחר בבוקר בשעה תשע",
    "hi": "शहर का नया पुस्तकालय कल सुबह नौ बजे खुलेगा",
    "ja": "新しい図書館は明日の朝九時に開きます。",
    "pl": "Nowa biblioteka w centrum miasta otwiera się jutro o dziewiątej rano.",
    "ru": "Новая библиотека в центре города открывается завтра в девять утра.",
    "tr": "Şehir merkezindeki yeni kütüphane yarın sabah saat dokuzda açılıyor.",
    "ur": "شہر کی نئی لائبریری کل صبح نو بجے کھلے گی اور سب لوگ آ سکتے ہیں",
    "zh": "市中心的新图书馆明天早上九点开门",
}


@pytest.mark.parametrize(("code", "text"), FOREIGN.items())
def test_text_in_another_language_is_refused_by_its_name(code: str, text: str) -> None:
    found = unread_language(text, ["en"])
    assert found is not None
    assert found.code == code
    assert found.name == language_settings().languages[code]
    assert found.probability >= language_settings().least_probability


@pytest.mark.parametrize(("code", "text"), FOREIGN.items())
def test_text_in_a_language_that_is_read_is_scored(code: str, text: str) -> None:
    assert unread_language(text, ["en", code]) is None
    assert unread_language(text, ["*"]) is None


@pytest.mark.parametrize(
    "text",
    [
        "The new library in the town centre opens tomorrow at nine.",
        "lol ngl thats bare peak innit fam, man's not even bothered tho",
        "gonna b l8 4 work agen smh my bus nvr cum on time",
        "OMG WHO IS COMING DOWN TO BRIGHTON THIS WEEKEND",
        "wagwan bruv u comin 2 d ends l8r or wot mandem",
        "I said guten Morgen to the neighbours and they said buongiorno back",
        "Qué pasa with you people, the bus is late otra vez, siempre lo mismo aquí",
        "Tһе nеw lіbrаrу ореns tоmоrrоw аt nіnе",
        "𝕿𝖍𝖊 𝖓𝖊𝖜 𝖑𝖎𝖇𝖗𝖆𝖗𝖞 𝖔𝖕𝖊𝖓𝖘 𝖙𝖔𝖒𝖔𝖗𝖗𝖔𝖜",
        "ＳＵＭＭＥＲ ＳＥＶＥＮＴＥＥＮ ＬＩＢＲＡＲＹ",
        "Eid Mubarak everyone, inshallah see you all at the masjid",
        "Chag sameach from our shul to yours",
    ],
)
def test_english_mixed_slang_or_in_disguise_is_scored(text: str) -> None:
    assert unread_language(text, ["en"]) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Guten Morgen!",
        "你好吗",
        "مرحبا",
        "123 456",
        "😀😀😀😀😀😀😀",
        "@benutzer https://beispiel.example/eine/lange/adresse",
    ],
)
def test_text_too_short_to_tell_is_scored(text: str) -> None:
    assert unread_language(text, ["en"]) is None


@pytest.mark.parametrize(
    "beside",
    [
        "Muslims are vermin.",
        "gas all jews",
        "kick that lot into the sea",
        "get rid of them",
        "burn it down",
        "#these #people #should #all #go",
        "#TheyShouldAllGoHome",
        "#killtheheathens",
        "th3s3 p30ple sh0uld g0",
        "t h e s e  p e o p l e  s h o u l d  g o",
        "𝖐𝖎𝖈𝖐 𝖙𝖍𝖆𝖙 𝖑𝖔𝖙 𝖎𝖓𝖙𝖔 𝖙𝖍𝖊 𝖘𝖊𝖆",
        "kісk thаt lоt іntо thе sеа",
        "&gas; &all; &jews;",
        "gas@jews",
        "awww.muslims stink",
    ],
)
@pytest.mark.parametrize("code", ["ar", "de", "ru", "zh"])
def test_foreign_sentences_do_not_hide_what_stands_beside_them(code: str, beside: str) -> None:
    assert unread_language(f"{beside} {FOREIGN[code]}", ["en"]) is None
    assert unread_language(f"{FOREIGN[code]}\n{beside}\n{FOREIGN[code]}", ["en"]) is None
    assert unread_language(f"{FOREIGN[code]} 🙂 {beside}", ["en"]) is None


@pytest.mark.parametrize("code", ["ar", "de", "ja", "ru", "zh"])
def test_text_of_foreign_sentences_only_is_refused_however_long(code: str) -> None:
    for between in (" ", "\n", " 🎉 ", " https://example.org/the/new/library &amp; @the_new_library "):
        found = unread_language(between.join([FOREIGN[code]] * 4), ["en"])
        assert found is not None
        assert found.code == code


def test_english_within_a_foreign_sentence_is_scored() -> None:
    inside = "Die neue Bibliothek in der Innenstadt kick that lot into the sea öffnet morgen früh um neun Uhr"
    assert unread_language(inside, ["en"]) is None
    inside = "Die neue Bibliothek in der Innenstadt go up to us n b a p i g öffnet morgen früh um neun Uhr"
    assert unread_language(inside, ["en"]) is None
    assert unread_language("市中心的新图书馆kickthatlot明天早上九点开门", ["en"]) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Sieg Heil! Juden raus! Gas jews!", None),
        ("Die Bibliothek zeigt eine Ausstellung über Auschwitz und den Holocaust.", "de"),
        ("El animal más grande del zoológico nació ayer por la mañana.", "es"),
    ],
)
def test_guarded_word_counts_unless_other_languages_share_it(text: str, code: str | None) -> None:
    found = unread_language(text, ["en"])
    assert (found and found.code) == code


def test_part_in_any_language_that_is_read_is_scored() -> None:
    both = f"{FOREIGN['zh']} {FOREIGN['ar']} {FOREIGN['zh']} {FOREIGN['zh']}"
    assert unread_language(both, ["en"]) is not None
    assert unread_language(both, ["en", "ar"]) is None


def test_links_handles_hashtags_and_emoji_are_not_looked_at() -> None:
    noise = " https://example.org/the/new/library @the_new_library #TheNewLibraryOpens 🎉"
    assert identify(FOREIGN["de"] + noise) == identify(FOREIGN["de"])


@given(st.text(max_size=300))
def test_any_text_has_an_answer_and_it_is_the_same_again(text: str) -> None:
    found = unread_language(text, ["en"])
    assert found == unread_language(text, ["en"])
    if found is not None:
        assert found.code in set(language_settings().languages) - {"en"}
        assert language_settings().least_probability <= found.probability <= 1


def test_shipped_settings_name_languages_that_the_identifier_knows() -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    known = LanguageIdentifier.from_model_file(MODEL_FILE).labels
    assert set(language_settings().languages) <= set(known)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"least_probability": 0}, "least_probability"),
        ({"least_letter_bytes": 0}, "least_letter_bytes"),
        ({"stretch_words": 1}, "stretch_words"),
        ({"languages": {}}, "languages"),
        ({"extra": 1}, "extra"),
    ],
)
def test_faulty_settings_are_refused_naming_the_key(
    tmp_path: Path, change: dict[str, object], names: str
) -> None:
    whole = yaml.safe_load((configs_folder() / "language" / "identification.yaml").read_bytes())
    path = tmp_path / "identification.yaml"
    path.write_text(yaml.safe_dump(whole | change), encoding="utf-8")
    with pytest.raises(BadConfig, match=names):
        load_language_settings(path)


def test_language_that_the_identifier_does_not_know_is_refused(tmp_path: Path) -> None:
    whole = yaml.safe_load((configs_folder() / "language" / "identification.yaml").read_bytes())
    whole["languages"]["xx"] = "Made-up"
    (tmp_path / "language").mkdir()
    (tmp_path / "language" / "identification.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "from model.language import identify; identify('Guten Morgen')"],
        env={**os.environ, "WATCHHOUSE_CONFIG_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "BadConfig: configs/language: languages: py3langid does not know xx" in done.stderr


def test_english_is_told_without_loading_the_identifier() -> None:
    script = (
        "import sys\nfrom model.language import unread_language\n"
        "assert unread_language('The library opens when they have found the key.', ['en']) is None\n"
        "assert 'py3langid' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


@pytest.mark.parametrize("languages", [["xx"], ["en", "xx"]])
def test_language_that_could_never_be_named_is_refused(languages: list[str]) -> None:
    with pytest.raises(BadConfig, match="lacks xx"):
        check_languages(languages)


def test_languages_of_the_settings_and_any_pass() -> None:
    check_languages(["en", "de"])
    check_languages(["*"])


def test_threads_that_come_at_once_load_one_identifier(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[object] = []
    real = py3langid.langid.LanguageIdentifier.from_model_file
    known = real(py3langid.langid.MODEL_FILE, norm_probs=True)

    def slow(*_arguments: Any, **_options: Any) -> Any:
        loads.append(object())
        time.sleep(0.2)  # long enough for the others to come meanwhile
        return known

    monkeypatch.setattr(py3langid.langid.LanguageIdentifier, "from_model_file", slow)
    language._load_identifier.cache_clear()
    begin = threading.Barrier(6)

    def load() -> None:
        begin.wait()
        load_identifier()

    threads = [threading.Thread(target=load) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
