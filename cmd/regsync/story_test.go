package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"regsync": main})
}

// TestStories runs the stories in testdata with the real command on file systems below a directory. Beside the commands of
// testscript they know those of [commands].
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Cmds:                commands,
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
	})
}

var commands = map[string]func(*testscript.TestScript, bool, []string){
	"exits":        exits,
	"snapshot":     snapshot,
	"same":         same,
	"stamp":        stamp,
	"untouched":    untouched,
	"certificates": makeCertificates,
	"fifo":         makePipe,
	"socket":       makeSocket,
	"silent":       silent,
	"replace":      replaceText,
	"immutable":    setImmutable,
}

// exits CODE PROGRAM [ARG...] runs a program that must exit with CODE.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got, err = exit.ExitCode(), nil
	}
	ts.Check(err)
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// snapshot NAME DIR keeps what a tree is like: paths, types, modes, contents, targets of links.
func snapshot(ts *testscript.TestScript, _ bool, args []string) {
	text, err := listing(ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// same NAME DIR fails if the tree is not as it was at snapshot NAME; ! same if it is.
func same(ts *testscript.TestScript, neg bool, args []string) {
	was := ts.ReadFile(args[0])
	is, err := listing(ts.MkAbs(args[1]))
	ts.Check(err)
	switch {
	case neg && was == is:
		ts.Fatalf("%s is as it was", args[1])
	case !neg && was != is:
		ts.Fatalf("%s is not as it was:\n%s", args[1], diff.Diff("was", []byte(was), "is", []byte(is)))
	}
}

// listing is what a tree is like, one line for each thing in it.
func listing(dir string) (string, error) {
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		fmt.Fprintf(&b, "%s %s %d:%d", rel, info.Mode(), st.Uid, st.Gid)
		switch {
		case filepath.Base(path) == "lock": // says who held it last
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %q", data)
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " -> %s", target)
		}
		b.WriteByte('\n')
		return nil
	})
	return b.String(), err
}

// stamp NAME FILE... keeps which files these are, and when they were written.
func stamp(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(stamps(ts, args[1:])), 0o600))
}

// untouched NAME FILE... fails if one of the files was written or replaced since stamp NAME.
func untouched(ts *testscript.TestScript, _ bool, args []string) {
	if was, is := ts.ReadFile(args[0]), stamps(ts, args[1:]); was != is {
		ts.Fatalf("written since:\n%s", diff.Diff("was", []byte(was), "is", []byte(is)))
	}
}

func stamps(ts *testscript.TestScript, files []string) string {
	var b strings.Builder
	for _, f := range files {
		info, err := os.Stat(ts.MkAbs(f))
		ts.Check(err)
		st := info.Sys().(*syscall.Stat_t)
		fmt.Fprintf(&b, "%s inode %d, %d.%09d\n", f, st.Ino, st.Mtim.Sec, st.Mtim.Nsec)
	}
	return b.String()
}

// certificates DIR makes ca.crt, client.crt with client.key, other.key that belongs to none of them, and old.crt, which has expired.
func makeCertificates(ts *testscript.TestScript, _ bool, args []string) {
	write := func(name, kind string, der []byte) {
		data := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
		ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(args[0]), name), data, 0o600))
	}
	pair := func(cert, key string, until time.Time) {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		ts.Check(err)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cert}, IsCA: true,
			NotBefore: until.AddDate(-20, 0, 0), NotAfter: until, BasicConstraintsValid: true,
		}
		if cert != "" {
			der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
			ts.Check(err)
			write(cert, "CERTIFICATE", der)
		}
		if key != "" {
			der, err := x509.MarshalPKCS8PrivateKey(private)
			ts.Check(err)
			write(key, "PRIVATE KEY", der)
		}
	}
	later := time.Now().AddDate(10, 0, 0)
	pair("ca.crt", "", later)
	pair("client.crt", "client.key", later)
	pair("", "other.key", later)
	pair("old.crt", "", time.Date(2021, 1, 2, 0, 0, 0, 0, time.UTC))
}

// fifo FILE makes a named pipe.
func makePipe(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(syscall.Mkfifo(ts.MkAbs(args[0]), 0o600))
}

// socket FILE makes a socket that nobody listens on any more.
func makeSocket(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: ts.MkAbs(args[0]), Net: "unix"})
	ts.Check(err)
	l.SetUnlinkOnClose(false)
	ts.Check(l.Close())
}

// silent stdout|stderr fails if the last program wrote something there.
func silent(ts *testscript.TestScript, _ bool, args []string) {
	if got := ts.ReadFile(args[0]); got != "" {
		ts.Fatalf("%s is not empty:\n%s", args[0], got)
	}
}

// replace FILE OLD NEW replaces a text that must be there.
func replaceText(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%q is not in %s", args[1], args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600))
}

// immutable on|off FILE lets nobody write a file, as chattr +i does, until the end of the story at the latest.
func setImmutable(ts *testscript.TestScript, _ bool, args []string) {
	const immutable = 0x10 // FS_IMMUTABLE_FL of linux/fs.h
	name := ts.MkAbs(args[1])
	set := func(flags int) error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		return errors.Join(unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags), f.Close())
	}
	if args[0] == "off" {
		ts.Check(set(0))
		return
	}
	ts.Defer(func() { _ = set(0) })
	ts.Check(set(immutable))
}
