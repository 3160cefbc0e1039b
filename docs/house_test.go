package docs_test

import (
	"os"
	"strings"
	"testing"
)

// TestHouse wants each room of the house in the map of CONTRIBUTING, and no room on the map that is not there.
func TestHouse(t *testing.T) {
	rooms := map[string]bool{}
	for _, parent := range []string{"", "internal/", "cmd/"} {
		entries, err := os.ReadDir("../" + parent)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := parent + e.Name() + "/"
			if e.IsDir() && name[0] != '.' && name != "internal/" && name != "cmd/" && name != "bin/" && name != "dist/" {
				rooms[name] = true
			}
		}
	}
	for _, line := range read(t, "../CONTRIBUTING.md") {
		if name, ok := strings.CutPrefix(line, "| `"); ok && strings.Contains(name, "/`") {
			name, _, _ = strings.Cut(name, "`")
			if _, err := os.Stat("../" + name); err != nil {
				t.Errorf("on the map, and not there: %v", err)
			}
			delete(rooms, name)
		}
	}
	for room := range rooms {
		t.Errorf("CONTRIBUTING.md has no line for %s", room)
	}
}
