package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestSecret: however it is printed, and in whatever it stands, a secret does not show.
func TestSecret(t *testing.T) {
	type inside struct {
		Shown  Secret
		hidden Secret
		all    []Secret
		by     map[string]Login
	}
	const value = "hunter2"
	s := NewSecret(value)
	in := inside{s, s, []Secret{s}, map[string]Login{"x": {Username: "u", Password: s}}}
	for _, what := range []any{s, &s, in, &in, in.by, Inputs{Credentials: in.by}, fmt.Errorf("it is %v", s)} {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
			fmt.Fprintf(&out, verb+"\n", what)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("text", "secret", what)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "secret", what)
		if err := json.NewEncoder(&out).Encode(what); err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{value, fmt.Sprintf("%x", value), fmt.Sprintf("%X", value), fmt.Sprintf("%d", []byte(value))} {
			if strings.Contains(out.String(), strings.Trim(form, "[]")) {
				t.Errorf("%T shows as\n%s", what, out.String())
			}
		}
	}
	if got := fmt.Sprint(s, " ", s.GoString(), " ", s.String()); got != "(sensitive) (sensitive) (sensitive)" {
		t.Errorf("it shows as %q", got)
	}
	if s.Reveal() != value || (Secret{}).Reveal() != "" {
		t.Error("it cannot be had")
	}
	if !s.Equal(NewSecret(value)) || s.Equal(NewSecret("hunter3")) || s.Equal(Secret{}) || !(Secret{}).Equal(Secret{}) {
		t.Error("equality differs")
	}
}
