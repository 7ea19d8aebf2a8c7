"""A profile of Oracle Cloud as in ``~/.oci/config``, with a key made for the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

if TYPE_CHECKING:
    from pathlib import Path

TENANCY = "ocid1.tenancy.oc1..exampletenancy"
USER = "ocid1.user.oc1..exampleuser"
FINGERPRINT = "20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PHRASE = "made-up-pass-phrase"


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, phrase: str = "") -> str:
    """Return a private key as the console hands it out."""
    encryption: KeySerializationEncryption = NoEncryption()
    if phrase:
        encryption = BestAvailableEncryption(phrase.encode())
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return text.decode().strip()


def write_profile(folder: Path, key: str | None = None, **entries: str | None) -> Path:
    """Write what the console shows for an API key; ``None`` leaves an entry out.

    Return the configuration file, which holds the profile ``DEFAULT``.
    """
    phrase = entries.get("pass_phrase", PHRASE) or ""
    (folder / "key.pem").write_text(key or pem(KEY, phrase), "utf-8")
    told: dict[str, str | None] = {
        "user": USER,
        "fingerprint": FINGERPRINT,
        "tenancy": TENANCY,
        "region": "eu-frankfurt-1",
        "key_file": f"{folder / 'key.pem'}",
        "pass_phrase": PHRASE,
        **entries,
    }
    lines = [f"{name}={value}" for name, value in told.items() if value is not None]
    config = folder / "config"
    config.write_text("\n".join(["[DEFAULT]", *lines, ""]), "utf-8")
    return config
