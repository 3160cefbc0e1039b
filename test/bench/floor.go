package main

import (
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
)

// floor is what no import can do without: it hashes a file and writes it once more, to the disk.
func floor(from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	name := filepath.Join(filepath.Dir(from), "floor")
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	defer os.Remove(name)
	defer out.Close()
	buffer := make([]byte, 1<<20)
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(out, sha256.New())}, struct{ io.Reader }{in}, buffer); err != nil {
		return err
	}
	return out.Sync()
}
