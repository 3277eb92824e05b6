// Two verifiers of tlog-proofs that are not ours, over the cases that npm run check:forms writes to the standard input:
// transparency-dev's formats with merkle, and torchwood's VerifyProof. One answer a case: what each of them says.
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"filippo.io/torchwood"
	f_log "github.com/transparency-dev/formats/log"
	f_proof "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type testCase struct {
	Key       string // as verifiers take it: name+hash+base64
	Witness   string // the key of a witness that has to have cosigned, or empty
	Statement string // B(n), hexadecimal
	Proof     string // the text of the tlog-proof, hexadecimal
}

// Answers are empty where the verifier accepts, else why it refuses.
type answer struct {
	Formats   string `json:"formats"`
	Torchwood string `json:"torchwood"`
}

func main() {
	var cases []testCase
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		fmt.Fprintln(os.Stderr, "the cases cannot be read:", err)
		os.Exit(2)
	}
	answers := make([]answer, len(cases))
	for i, c := range cases {
		answers[i] = answer{said(withFormats(c)), said(withTorchwood(c))}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		os.Exit(2)
	}
}

func withFormats(c testCase) error {
	verifier, statement, text, err := parts(c)
	if err != nil {
		return err
	}
	var p f_proof.TLogProof
	if err := p.Unmarshal(text); err != nil {
		return err
	}
	checkpoint, _, _, err := f_log.ParseCheckpoint(p.Checkpoint, verifier.Name(), verifier)
	if err != nil {
		return err
	}
	hashes := make([][]byte, len(p.Hashes))
	for i := range p.Hashes {
		hashes[i] = p.Hashes[i][:]
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(statement)
	return proof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, checkpoint.Size, leaf, hashes, checkpoint.Hash)
}

func withTorchwood(c testCase) error {
	verifier, statement, text, err := parts(c)
	if err != nil {
		return err
	}
	policies := []torchwood.Policy{
		torchwood.OriginPolicy(verifier.Name()), torchwood.SingleVerifierPolicy(verifier)}
	if c.Witness != "" {
		witness, err := torchwood.NewCosignatureVerifier(c.Witness)
		if err != nil {
			return err
		}
		policies = append(policies, torchwood.SingleVerifierPolicy(witness))
	}
	policy := torchwood.ThresholdPolicy(len(policies), policies...)
	return torchwood.VerifyProof(policy, tlog.RecordHash(statement), text)
}

func parts(c testCase) (verifier note.Verifier, statement, text []byte, err error) {
	if verifier, err = note.NewVerifier(c.Key); err != nil {
		return
	}
	if statement, err = hex.DecodeString(c.Statement); err != nil {
		return
	}
	text, err = hex.DecodeString(c.Proof)
	return
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
