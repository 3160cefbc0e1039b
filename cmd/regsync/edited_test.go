package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// ledgerEdit is something that happens to a ledger between two applies.
type ledgerEdit struct {
	name   string
	edit   func(r *rand.Rand, ledger []byte) []byte
	summed bool // by somebody who has put the checksum right afterwards
}

// victim is a file that is nobody's but the user's.
const victim = "/etc/victim"

var ledgerEdits = []ledgerEdit{
	{"cut off", func(r *rand.Rand, l []byte) []byte { return l[:r.IntN(len(l)-1)] }, false},
	{"a bit", func(r *rand.Rand, l []byte) []byte { l[r.IntN(len(l))] ^= 1 << r.IntN(8); return l }, false},
	{"some bytes", func(r *rand.Rand, l []byte) []byte {
		at := r.IntN(len(l) - 8)
		for i := range 8 {
			l[at+i] = byte(r.Uint32()) | 1
		}
		return l
	}, false},
	{"empty", func(*rand.Rand, []byte) []byte { return nil }, false},
	{"doubled", func(_ *rand.Rand, l []byte) []byte { return append(l, l...) }, false},
	{"another format", func(_ *rand.Rand, l []byte) []byte {
		return summed(bytes.Replace(l, []byte(`"formatVersion":"1"`), []byte(`"formatVersion":"2"`), 1))
	}, false},
	{"another path", anotherPath, false},
	{"another digest", anotherDigest, false},
	{"another path, summed", func(r *rand.Rand, l []byte) []byte { return summed(anotherPath(r, l)) }, true},
	{"another digest, summed", func(r *rand.Rand, l []byte) []byte { return summed(anotherDigest(r, l)) }, true},
}

// anotherPath has an entry be of the victim.
func anotherPath(r *rand.Rand, l []byte) []byte {
	return edited(l, func(entries []map[string]any) { entries[r.IntN(len(entries))]["name"] = victim })
}

// anotherDigest has an entry be of another content.
func anotherDigest(r *rand.Rand, l []byte) []byte {
	return edited(l, func(entries []map[string]any) {
		entries[r.IntN(len(entries))]["applied"] = fmt.Sprintf("%x", sha256.Sum256([]byte{byte(r.Uint32())}))
	})
}

// edited edits the entries of a ledger, and leaves its last line as it is.
func edited(l []byte, how func(entries []map[string]any)) []byte {
	body, sum, _ := bytes.Cut(l, []byte("\nsha256:"))
	var doc map[string]json.RawMessage
	var entries []map[string]any
	if json.Unmarshal(body, &doc) != nil || json.Unmarshal(doc["entries"], &entries) != nil {
		panic("the ledger is none")
	}
	how(entries)
	doc["entries"], _ = json.Marshal(entries) //nolint:errcheck // it was JSON
	body, _ = json.Marshal(doc)               //nolint:errcheck // it was JSON
	return slices.Concat(body, []byte("\nsha256:"), sum)
}

func summed(l []byte) []byte {
	body, _, _ := bytes.Cut(l, []byte("\nsha256:"))
	return fmt.Appendf(slices.Clone(body), "\nsha256:%x\n", sha256.Sum256(body))
}

// TestEditedLedger edits the ledger at random between two applies, of which the second asks for less. A ledger that does not hold is kept
// aside as it is, nothing is deleted on its word, and what is asked for is done. One whose checksum somebody has put right
// is taken for the ledger, but no word of it makes a file go that does not bear our mark or hold what we have put there.
func TestEditedLedger(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range 3 * len(ledgerEdits) {
		e := ledgerEdits[i%len(ledgerEdits)]
		t.Run(fmt.Sprintf("%s/%d", e.name, i/len(ledgerEdits)), func(t *testing.T) {
			e.try(t, r)
			if t.Failed() {
				t.Logf("the seed is %d", seed)
			}
		})
	}
}

func (e ledgerEdit) try(t *testing.T, r *rand.Rand) {
	root, _ := crashTree(t)
	on := func(name string) string { return filepath.Join(root, name) }
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first.yaml"), filepath.Join(dir, "second.yaml")
	write(first, crashFirst)
	write(second, crashSecond)
	write(on(victim), "precious\n")
	if code, _, complaint := in(t.Context(), "apply", "-f", first, "--root", root); code != exitDone {
		t.Fatalf("exit code %d\n%s", code, complaint)
	}
	there := files(t, root)
	ledger, err := os.ReadFile(on("var/lib/regsync/ledger"))
	if err != nil {
		t.Fatal(err)
	}
	ledger = e.edit(r, ledger)
	write(on("var/lib/regsync/ledger"), string(ledger))

	code, out, complaint := in(t.Context(), "apply", "-f", second, "--root", root)
	if data, err := os.ReadFile(on(victim)); err != nil || string(data) != "precious\n" {
		t.Errorf("the victim is %q, %v", data, err)
	}
	if e.summed {
		return
	}
	if code != exitDone || !strings.Contains(complaint, "the ledger is damaged") {
		t.Errorf("exit code %d\n%s%s", code, out, complaint)
	}
	if aside, err := os.ReadFile(on("var/lib/regsync/ledger.damaged")); err != nil || !bytes.Equal(aside, ledger) {
		t.Errorf("set aside is %q, %v; want %q", aside, err, ledger)
	}
	now := files(t, root)
	for _, name := range there {
		if !slices.Contains(now, name) {
			t.Errorf("deleted on its word: %s", name)
		}
	}
	if code, out, complaint := in(t.Context(), "plan", "-f", second, "--root", root, "--detailed-exitcode"); code != exitDone || strings.Contains(complaint, "damaged") {
		t.Errorf("a plan afterwards: exit code %d\n%s%s", code, out, complaint)
	}
}

// files gives the files of a node, without those of the state directory.
func files(t *testing.T, root string) (names []string) {
	t.Helper()
	listed, err := listing(filepath.Join(root, "etc"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(listed) {
		names = append(names, strings.Fields(line)[0])
	}
	return names
}
