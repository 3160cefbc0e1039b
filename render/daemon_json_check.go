package render

import (
	"fmt"
	"strings"

	"github.com/regsync/regsync/spec"
)

// MirrorPath is the error of a registry-mirrors value with a path. dockerd 29 takes such a value; 20.10 then refuses the whole file.
type MirrorPath struct{ *spec.Problem }

// Unwrap gives the problem.
func (e *MirrorPath) Unwrap() error { return e.Problem }

// CheckDaemonJSON reports why dockerd would refuse data, as far as that can be told from the file alone: a file that is not JSON, is
// empty or begins with a byte order mark, a value of one of our keys that is of the wrong type or cannot be read, or such a key in
// another spelling. Which further keys dockerd knows depends on its version, and is not judged. The error is a *spec.Problem with
// line and column but no file, or a *MirrorPath where nothing but that is wrong.
func CheckDaemonJSON(data []byte) error {
	obj, err := scanObject(data)
	if err != nil {
		return err
	}
	for _, m := range obj.members {
		for _, key := range []string{insecureKey, mirrorsKey} {
			if name := m.name.text; name != key && strings.EqualFold(strings.ReplaceAll(name, "_", "-"), key) {
				return jsonProblem(data, m.name.start, fmt.Sprintf("dockerd does not know the key %q, and refuses the file", name), fmt.Sprintf("write %q", key))
			}
		}
	}
	if err := checkList(data, obj, insecureKey, checkInsecure); err != nil {
		return err
	}
	err = checkList(data, obj, mirrorsKey, func(value string) error {
		_, err := checkMirror(value)
		return err
	})
	if err != nil {
		return err
	}
	if m := obj.member(mirrorsKey); m != nil {
		for _, e := range m.value.elems {
			if path, _ := checkMirror(e.text); path {
				return &MirrorPath{jsonProblem(data, e.start, fmt.Sprintf("the mirror %q has a path, and dockerd takes none", e.text), "name the host alone")}
			}
		}
	}
	return nil
}

// checkList judges each value of one list.
func checkList(data []byte, obj jsonValue, key string, check func(string) error) error {
	if _, err := jsonStrings(data, obj, key); err != nil {
		return err
	}
	m := obj.member(key)
	if m == nil {
		return nil
	}
	for _, e := range m.value.elems {
		if err := check(e.text); err != nil {
			return jsonProblem(data, e.start, fmt.Sprintf("%q under %q %v, and dockerd refuses it", e.text, key, err), "")
		}
	}
	return nil
}
