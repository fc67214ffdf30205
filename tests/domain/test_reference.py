import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registry.domain.hashes import Hash, HashKind
from registry.domain.reference import HashRef, HubRef, NameRef, UrlRef, parse

SHA = "6ce0161689" + "0" * 54

UNDERSTOOD = [
    ("anything-v3", NameRef("anything-v3")),
    ("  Anything V3  ", NameRef("Anything V3")),
    ("万象熔炉", NameRef("万象熔炉")),
    ("deadbeef", NameRef("deadbeef")),  # a word, not a hash: it has no digit
    ("a+b@c", NameRef("a+b@c")),
    ("civitai:66", HubRef("civitai", "66")),
    ("civitai:66@75", HubRef("civitai", "66", "75")),
    ("civitai:66@75+446", HubRef("civitai", "66", "75", "446")),
    ("civitai:@75", HubRef("civitai", None, "75")),
    ("civitai:66+446", HubRef("civitai", "66", None, "446")),
    ("CivitAI:66", HubRef("civitai", "66")),
    ("hf:embed/EasyNegative", HubRef("huggingface", "embed/EasyNegative")),
    ("huggingface:a/b.c@refs/pr/1", HubRef("huggingface", "a/b.c", "refs/pr/1")),
    ("hf:a/b@v1.0:vae/x y.pt", HubRef("huggingface", "a/b", "v1.0", "vae/x y.pt")),
    ("hf:a/b:x:y.pt", HubRef("huggingface", "a/b", None, "x:y.pt")),
    ("hf:a/b@", HubRef("huggingface", "a/b")),
    ("urn:air:sd1:checkpoint:civitai:66@75", HubRef("civitai", "66", "75")),
    ("urn:air:sd1:checkpoint:civitai:66@75+446", HubRef("civitai", "66", "75", "446")),
    ("urn:air:sd1:lora:civitai:66@75.safetensors", HubRef("civitai", "66", "75")),
    ("urn:air:sd1:lora:civitai:66.ckpt", HubRef("civitai", "66")),
    ("air:sdxl:lora:civitai:66", HubRef("civitai", "66")),
    ("URN:AIR:SD1:LORA:CIVITAI:66", HubRef("civitai", "66")),
    ("urn:air:sdxl:vae:huggingface:a/b@v1.5", HubRef("huggingface", "a/b", "v1.5")),
    ("https://civitai.com/models/66", UrlRef("https://civitai.com/models/66")),
    ("HTTP://127.0.0.1:80/x?y#z", UrlRef("HTTP://127.0.0.1:80/x?y#z")),
    (f"sha256:{SHA.upper()}", HashRef(Hash(HashKind.SHA256, SHA))),
    (SHA, HashRef(Hash(HashKind.SHA256, SHA))),
    (SHA[:10], HashRef(Hash(HashKind.AUTOV2, SHA[:10]))),
    (SHA[:12], HashRef(Hash(HashKind.AUTOV3, SHA[:12]))),
    (SHA[:8], HashRef(Hash(HashKind.AUTOV1, SHA[:8]))),
    ("crc32:9B6C6647", HashRef(Hash(HashKind.CRC32, "9b6c6647"))),
]


@pytest.mark.parametrize(("text", "reference"), UNDERSTOOD)
def test_every_form_of_a_reference_is_understood(text, reference):
    assert parse(text) == reference


REFUSED = [
    ("", "empty"),
    (" \t\n ", "empty"),
    ("x" * 4097, "longer than"),
    ("a\x00b", "control characters"),
    ("two\nlines", "control characters"),
    ("\x1b[31mred", "control characters"),
    ("bad byte \udcff", "control characters, or bytes"),
    ("owner/repo", "no slashes"),
    ("../../etc/passwd", "no slashes"),
    ("back\\slash", "no slashes"),
    ("C:\\models\\x.ckpt", "not a form"),
    ("ftp://example.com/x", "not a form"),
    ("file:///etc/passwd", "not a form"),
    ("javascript:alert(1)", "not a form"),
    ("civitai:", "MODEL@VERSION"),
    ("civitai:+446", "MODEL@VERSION"),
    ("civitai:sixty-six", "MODEL@VERSION"),
    ("civitai:66@", "MODEL@VERSION"),
    ("civitai:\N{ARABIC-INDIC DIGIT SIX}", "MODEL@VERSION"),
    ("civitai:66/../7", "MODEL@VERSION"),
    ("hf:", "owner/repo"),
    ("hf:repo", "owner/repo"),
    ("hf:a/b/c", "owner/repo"),
    ("hf:../..", "owner/repo"),
    ("hf:a/.hidden", "owner/repo"),
    ("hf:ä/b", "owner/repo"),
    ("hf:a/b:../../x", "no empty, . or .. parts"),
    ("hf:a/b:/x", "no empty, . or .. parts"),
    ("hf:a/b@../main", "no empty, . or .. parts"),
    ("urn:isbn:0451450523", "an AIR is"),
    ("urn:air:sd1:checkpoint:civitai:", "an AIR is"),
    ("urn:air:sd1:checkpoint:civitai:abc", "numbers"),
    ("urn:air:sd1:checkpoint:civitai:66@75@76", "numbers"),
    ("urn:air:sd1:checkpoint:elsewhere:66", "no hub called 'elsewhere'"),
    ("https:", "an address is"),
    ("https://", "an address is"),
    ("https:///path", "an address is"),
    ("https://?x", "an address is"),
    (f"sha256:{SHA[:63]}", "64 digits, not 63"),
    ("autov2:xyz", "not hexadecimal"),
]


@pytest.mark.parametrize(("text", "because"), REFUSED)
def test_everything_else_is_refused_with_its_reason(text, because):
    with pytest.raises(ValueError, match=because):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "urn:air:a:b:civitai:" + "1" * 4000 + "x",
        "urn:air:" + "a." * 2040,
        "urn:air:" + "a:" * 2040,
        "civitai:" + "1@" * 2040,
        "hf:" + "a" * 4090,
        "https://" + "a" * 4080 + "\\",
    ],
    ids=lambda text: text[:24],
)
def test_a_long_nasty_text_is_refused_without_long_thought(text):
    began = time.process_time()
    with pytest.raises(ValueError, match=r"."):
        parse(text)
    assert time.process_time() - began < 0.2


# Texts that look like references, which plain random text hardly ever does.
pieces_of_references = st.lists(
    st.sampled_from(
        [*"@+:/.\\?#[] \x00\udcff", "civitai", "hf", "urn:air", "sd1", "https://", "sha256", "66"]
    )
    | st.text(max_size=4),
    max_size=12,
).map("".join)


@given(st.text() | pieces_of_references)
@example("https://[::1")
@example("urn:air::::" * 300)
@example("1" * 4096)
@example("civitai:" + "9" * 4000)
@example("a@" * 2000)
def test_any_text_is_a_reference_that_reads_back_or_a_value_error(text):
    try:
        reference = parse(text)
    except ValueError:
        return
    assert parse(str(reference)) == reference
    assert str(reference).encode()
