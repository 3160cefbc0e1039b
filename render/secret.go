package render

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"

	"github.com/regsync/regsync/spec"
)

// Secret is a value that nobody prints by mistake: by fmt, JSON, a log or a test it shows as (sensitive). Only [Secret.Reveal] gives
// it. It is behind a pointer because fmt reads unexported fields by reflection, where it asks no method.
type Secret struct{ value *string }

// hidden is what a secret shows as.
const hidden = "(sensitive)"

// NewSecret hides a value.
func NewSecret(value string) Secret { return Secret{&value} }

// Reveal gives the value; that of the zero Secret is empty.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Equal reports whether two secrets have one value.
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(o.Reveal())) == 1
}

func (Secret) String() string                 { return hidden }
func (Secret) GoString() string               { return hidden }
func (Secret) Format(f fmt.State, _ rune)     { _, _ = f.Write([]byte(hidden)) }
func (Secret) MarshalText() ([]byte, error)   { return []byte(hidden), nil }
func (Secret) MarshalJSON() ([]byte, error)   { return []byte(`"` + hidden + `"`), nil }
func (Secret) MarshalBinary() ([]byte, error) { return []byte(hidden), nil }

// Login is what a place of the spec shows a registry: the user name and the password of the credential that it names.
type Login struct {
	Username string
	Password Secret

	// Problem says why they are not known now; else nil.
	Problem *spec.Problem
}

// basic gives the login as the value of an Authorization header (RFC 7617).
func (l Login) basic() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(l.Username+":"+l.Password.Reveal()))
}
