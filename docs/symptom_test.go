package docs_test

import (
	"os"
	"regexp"
	"testing"
)

// TestSymptoms wants each line of troubleshooting.md that leads from a message to a rule to be seen by the page's stories, which
// compare the message.
func TestSymptoms(t *testing.T) {
	page, err := os.ReadFile("troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^symptom ([a-z0-9-]+) `).FindAllSubmatch(page, -1) {
		seen[string(m[1])]++
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `.*\\| \\[[a-z0-9-]+\\]\\(doctor\\.md#([a-z0-9-]+)\\) \\|").FindAllSubmatch(page, -1) {
		rule := string(m[1])
		if seen[rule]--; seen[rule] < 0 {
			t.Errorf("no story shows what the page says of %s", rule)
		}
	}
	for rule, left := range seen {
		if left > 0 {
			t.Errorf("a story shows %s, and no line of the page does", rule)
		}
	}
}
