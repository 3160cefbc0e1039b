package spec_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsync/regsync/spec"
)

// TestMessages shows all that the corpus' bad files make Load say, hints included, in one file to be read by a person.
func TestMessages(t *testing.T) {
	const golden = "testdata/messages.golden"
	var b strings.Builder
	for _, name := range corpus(t, "bad") {
		_, _, err := spec.Load([]spec.Source{{Name: filepath.Base(name), Data: read(t, name)}}, node)
		for _, p := range problems(t, err) {
			fmt.Fprintln(&b, p)
			if p.Hint != "" {
				fmt.Fprintln(&b, "    hint:", p.Hint)
			}
		}
	}
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(read(t, golden)), b.String()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if strings.Contains(b.String(), "secret@") || strings.Contains(b.String(), "hunter2") {
		t.Error("a message shows a password")
	}
}

func TestWarnings(t *testing.T) {
	_, warnings, err := load(t, `registries:
- host: "[fd00::1]:5000"
mirrors:
- registry: docker.io
  endpoints: [https://m.lab/v2/hub, {url: https://n.lab, ca: x.crt}]
insecure: [10.0.0.0/8, "https://n.lab:443"]
`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range warnings {
		got = append(got, w.Error())
	}
	want := []string{
		"regsync.yaml:4:9: registries[0].host: containerd 1.6 reads no image reference with an IPv6 address; 1.7 does",
		`regsync.yaml:7:62: mirrors[0].endpoints[1].ca: the certificate of "n.lab" is not verified (regsync.yaml:8:24), so this ca counts for nothing`,
		"regsync.yaml:8:12: insecure[0]: a range of addresses holds for Docker only; containerd has no such thing",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}
