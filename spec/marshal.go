package spec

import (
	"encoding/json"
	"time"
)

// MarshalJSON writes the entry as it stands in the file: a string.
func (i Insecure) MarshalJSON() ([]byte, error) { return json.Marshal(i.Value) }

// MarshalJSON writes the duration as it stands in the file: 3s.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads what MarshalJSON wrote, as a saved plan has it.
func (d *Duration) UnmarshalJSON(text []byte) error {
	var word string
	if err := json.Unmarshal(text, &word); err != nil {
		return err
	}
	parsed, err := time.ParseDuration(word)
	*d = Duration(parsed)
	return err
}

// String gives the duration as Go writes it.
func (d Duration) String() string { return time.Duration(d).String() }
