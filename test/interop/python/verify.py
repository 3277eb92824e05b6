"""Two verifiers of COSE receipts that are not ours, over the cases that npm run check:forms writes to the standard
input: cwt for the signature with pymerkle for the path, and scitt-cose for both. One answer a case."""

import json
import sys

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cwt import COSE, COSEKey
from pymerkle.core import _inclusion_path_layout
from pymerkle.hasher import MerkleHasher
from pymerkle.proof import InclusionProof
from scitt_cose.receipt import verify_receipt


def pem_of(public_key):
    key = Ed25519PublicKey.from_public_bytes(public_key)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def with_cwt_and_pymerkle(receipt, statement, public_key, key_id):
    """Raises whatever is wrong."""
    tag = cbor2.loads(receipt)
    size, index, path = cbor2.loads(tag.value[1][396][-1][0])
    leaf = MerkleHasher("sha256").hash_buff(statement)
    rule, _ = _inclusion_path_layout(index + 1, size)
    proof = InclusionProof("sha256", True, size, index + 1, rule, [leaf, *path])
    root = proof.compute_root()
    proof.verify(leaf, root, index=index + 1, size=size, algorithm="sha256")
    key = COSEKey.new({1: 1, -1: 6, -2: public_key, 2: key_id, 3: -8})
    COSE.new(verify_kid=True).decode(receipt, keys=[key], detached_payload=root)


def with_scitt_cose(receipt, statement, public_key, _key_id):
    result = verify_receipt(receipt, leaf_entry_hex=statement.hex(), log_public_key_pem=pem_of(public_key))
    if not result.ok:
        raise ValueError("; ".join(map(str, result.errors)))


def said(verifier, case):
    """Empty where the verifier accepts, else why it refuses."""
    try:
        verifier(*(bytes.fromhex(case[name]) for name in ("Receipt", "Statement", "Key", "KeyId")))
        return ""
    except Exception as error:  # whatever a verifier raises is its refusal
        return f"{type(error).__name__}: {error}"


cases = json.load(sys.stdin)
json.dump(
    [{"cwt": said(with_cwt_and_pymerkle, case), "scitt": said(with_scitt_cose, case)} for case in cases],
    sys.stdout,
)
