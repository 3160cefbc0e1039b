package plan

import "fmt"

// Action says what happens to a resource. Its value is the symbol that stands before it in a plan.
type Action rune

// The actions.
const (
	Create Action = '+' // it is not there, and will be
	Update Action = '~' // it is there and will be changed, or given back as it was before us
	Delete Action = '-' // it was made by us and goes
	Adopt  Action = '=' // it is there, made by somebody else, and becomes ours
	Forget Action = '.' // it stays as it is and is no longer ours
)

// String gives the action's name, as in the JSON of a plan.
func (a Action) String() string {
	switch a {
	case Create:
		return "create"
	case Update:
		return "update"
	case Delete:
		return "delete"
	case Adopt:
		return "adopt"
	case Forget:
		return "forget"
	}
	panic(fmt.Sprintf("unknown action %q", rune(a)))
}

// MarshalText gives the action's name.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads an action's name.
func (a *Action) UnmarshalText(text []byte) error {
	for _, known := range []Action{Create, Update, Delete, Adopt, Forget} {
		if known.String() == string(text) {
			*a = known
			return nil
		}
	}
	return fmt.Errorf("unknown action %q", text)
}
