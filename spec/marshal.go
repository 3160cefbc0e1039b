package spec

import (
	"encoding/json"
	"time"
)

// MarshalJSON writes the entry as it stands in the file: a string, or {endpoint: STRING}.
func (i Insecure) MarshalJSON() ([]byte, error) {
	if i.Only {
		return json.Marshal(onlyEndpoint{i.Value})
	}
	return json.Marshal(i.Value)
}

// MarshalJSON writes the duration as it stands in the file: 3s.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// String gives the duration as Go writes it.
func (d Duration) String() string { return time.Duration(d).String() }
