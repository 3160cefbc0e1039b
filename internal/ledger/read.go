package ledger

import (
	"errors"
	"io/fs"
	"os"
)

// StrangeError says that something else stands where the state directory has a file. It is never opened: a pipe would wait for a writer, and
// a device does who knows what.
type StrangeError struct {
	Name string
	Mode fs.FileMode
}

func (e *StrangeError) Error() string {
	switch {
	case e.Mode.IsDir():
		return "is a directory"
	case e.Mode&fs.ModeNamedPipe != 0:
		return "is a named pipe"
	case e.Mode&fs.ModeSocket != 0:
		return "is a socket"
	}
	return "is a device"
}

func strange(err error) bool { return errors.As(err, new(*StrangeError)) }

// readFile reads a file of the state directory.
func readFile(name string) ([]byte, error) {
	if err := ordinary(name); err != nil {
		return nil, err
	}
	return os.ReadFile(name)
}

// ordinary fails with a *StrangeError where something other than a file is.
func ordinary(name string) error {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = &StrangeError{name, info.Mode()}
	}
	return err
}
