package convert_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/regsync/regsync/test/roads"
)

// TestDrawn compares whom containerd asks by drawn files, as they are found on nodes, sound and broken.
func TestDrawn(t *testing.T) {
	made := 0
	for _, state := range append(roads.Fixed(), roads.Random(300)...) {
		for name, text := range state.Files {
			dir, file, _ := strings.Cut(name, "/")
			if file != "hosts.toml" || strings.HasSuffix(dir, "_") || strings.Contains(text, ".crt") || strings.HasPrefix(text, "\ufeff") || !utf8.ValidString(text) {
				continue
			}
			out := converted(t, "launch-config", launch(t, dir, text))
			if taken(out) {
				made++
				compare(t, dir, text, out)
			}
		}
	}
	if made < 20 {
		t.Errorf("of all the drawn files %d were taken over", made)
	}
}
