package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/hashicorp/go-multierror"
	"golang.org/x/sys/unix"

	"github.com/regsync/regsync/spec"
)

// By what others than the owner may write.
const (
	groupWrites = 0o020
	othersWrite = 0o002
	rootsGroup  = 0
)

// protected refuses a spec that somebody else could write into though root carries it out: each of the files, and the directory that it is
// in. What root's own group may write is root's, and the sticky bit of a directory keeps others from replacing a file in it. A file that
// belongs to somebody else is warned of: whoever runs us has named it. Where we are not root, nothing is at stake.
func (c *command) protected(list []spec.Source) (warnings []*spec.Problem, err error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	var errs *multierror.Error
	seen := map[string]bool{}
	for _, src := range list {
		name, err := filepath.Abs(src.Name)
		if err != nil || src.Name == "-" {
			continue
		}
		var st unix.Stat_t
		if unix.Stat(name, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
			continue // a pipe of the shell's
		}
		if p := exposed("file", name, st); p != nil && !readOnly(name) {
			errs = multierror.Append(errs, p)
		}
		if owner := strconv.Itoa(int(st.Uid)); st.Uid != 0 && owner != c.env("SUDO_UID") {
			warnings = append(warnings, &spec.Problem{Position: spec.Position{File: src.Name}, Message: "belongs to user " + owner + ", who so decides what root does on this node", Hint: "chown root " + name})
		}
		dir := filepath.Dir(name)
		if !seen[dir] && unix.Stat(dir, &st) == nil && st.Mode&unix.S_ISVTX == 0 {
			if p := exposed("directory", dir, st); p != nil && !readOnly(dir) {
				errs = multierror.Append(errs, p)
			}
		}
		seen[dir] = true
	}
	return warnings, errs.ErrorOrNil()
}

// readOnly reports whether something is mounted so that nobody can write there: kubelet makes the directory of a ConfigMap for everybody, on the
// node itself below one that is root's, and mounts it read-only into the pod.
func readOnly(name string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(name, &fs) == nil && fs.Flags&unix.ST_RDONLY != 0
}

// protectedState refuses a state directory that others may write to; there the sticky bit is no help, for what is missing could be put there.
func protectedState(dir string) error {
	var st unix.Stat_t
	if os.Geteuid() != 0 || unix.Stat(dir, &st) != nil {
		return nil
	}
	if p := exposed("directory", dir, st); p != nil {
		return p
	}
	return nil
}

// exposed says who else could write to something; nil where nobody can.
func exposed(what, name string, st unix.Stat_t) *spec.Problem {
	group := st.Mode&groupWrites != 0 && st.Gid != rootsGroup
	var who string
	switch {
	case st.Mode&othersWrite != 0:
		who = "everybody"
	case group:
		who = fmt.Sprintf("group %d", st.Gid)
	default:
		return nil
	}
	return &spec.Problem{
		Message: fmt.Sprintf("UNPROTECTED %s %q: %s can write to it (mode %04o), and so decide what root does on this node", what, name, who, st.Mode&0o7777),
		Hint:    "chmod go-w " + name,
	}
}
