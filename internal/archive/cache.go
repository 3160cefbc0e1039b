package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

// Cache remembers what took long to find out of an archive: its sha256, and the index of a compressed one or of one whose layers had to be
// read. What it remembers holds as long as the file is the very same one: device, inode, size, and both of its times.
type Cache struct {
	Dir string // empty: nothing is remembered

	used map[string]bool
}

// fact is what is remembered of one file.
type fact struct {
	Index  *Index `json:"index,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
}

// Index reads the index of an archive.
func (c *Cache) Index(ctx context.Context, f *os.File) (Index, error) {
	key, size, err := identity(f)
	if err != nil {
		return Index{}, err
	}
	known := c.recall(key)
	if known.Index != nil {
		return *known.Index, nil
	}
	index, err := Read(ctx, f, size)
	if err != nil || index.Compression == Plain && !index.Hashed {
		return index, err
	}
	known.Index = &index
	c.remember(key, known)
	return index, nil
}

// Known gives the index of the archive with this sha256, if it was remembered. The archive itself need not be there any more.
func (c *Cache) Known(sha256 string) (Index, bool) {
	known := c.recall(bySHA256(sha256))
	if known.Index == nil {
		return Index{}, false
	}
	return *known.Index, true
}

// Learn remembers the index of the archive with this sha256.
func (c *Cache) Learn(sha256 string, index Index) {
	c.remember(bySHA256(sha256), fact{Index: &index, SHA256: sha256})
}

func bySHA256(sha256 string) string { return "sha256-" + sha256 + ".json" }

// SHA256 gives the digest of the whole file, as 64 hex digits.
func (c *Cache) SHA256(ctx context.Context, f *os.File) (string, error) {
	key, size, err := identity(f)
	if err != nil {
		return "", err
	}
	known := c.recall(key)
	if known.SHA256 != "" {
		return known.SHA256, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, &patient{ctx, io.NewSectionReader(f, 0, size)}); err != nil {
		return "", err
	}
	known.SHA256 = hex.EncodeToString(h.Sum(nil))
	c.remember(key, known)
	return known.SHA256, nil
}

// Sweep forgets every file that was not asked about.
func (c *Cache) Sweep() error {
	entries, err := os.ReadDir(c.Dir)
	if errors.Is(err, fs.ErrNotExist) || c.Dir == "" {
		return nil
	}
	for _, e := range entries {
		if !c.used[e.Name()] && filepath.Ext(e.Name()) == ".json" {
			err = errors.Join(err, os.Remove(filepath.Join(c.Dir, e.Name())))
		}
	}
	return err
}

func (c *Cache) recall(key string) fact {
	if c.used == nil {
		c.used = map[string]bool{}
	}
	c.used[key] = true
	var known fact
	name := filepath.Join(c.Dir, key)
	if info, err := os.Stat(name); err != nil || c.Dir == "" || !info.Mode().IsRegular() {
		return fact{}
	}
	data, err := os.ReadFile(name)
	if err != nil || json.Unmarshal(data, &known) != nil {
		return fact{}
	}
	return known
}

// remember keeps a fact. That it cannot is no failure: it is found out again next time.
func (c *Cache) remember(key string, known fact) {
	data, err := json.Marshal(known)
	if err != nil || c.Dir == "" || os.MkdirAll(c.Dir, 0o700) != nil {
		return
	}
	_ = renameio.WriteFile(filepath.Join(c.Dir, key), data, 0o600)
}

// identity names a file as it is now.
func identity(f *os.File) (key string, size int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	if !info.Mode().IsRegular() {
		return "", 0, &Problem{Message: "it is no file", Hint: saveAgain}
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", 0, errors.New("what the system says of the file is not known")
	}
	text := fmt.Sprintf("1 %d %d %d %d %d", st.Dev, st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano())
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16]) + ".json", info.Size(), nil
}
