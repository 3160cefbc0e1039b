package agent

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// After the end nothing is told any more, though the connection may go on reading for a moment.
func TestFeedEnds(t *testing.T) {
	told := 0
	f := &feed{from: io.NopCloser(strings.NewReader("abcdef")), size: 6, tell: func(int64) { told++ }}
	if n, err := f.Read(make([]byte, 2)); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if sent, err := f.end(); sent != 2 || err != nil {
		t.Error(sent, err)
	}
	if n, err := f.Read(make([]byte, 2)); n != 0 || !errors.Is(err, errEnded) {
		t.Error(n, err)
	}
	if sent, err := f.end(); sent != 2 || err != nil || told != 1 {
		t.Error(sent, err, told)
	}
}
