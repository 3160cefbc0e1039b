package test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/regsync/regsync/test/rig"
)

func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "microk8s":
		os.Exit(rig.MicroK8sCommand(os.Args[1:], os.Stdout))
	case "crictl":
		os.Exit(rig.CrictlCommand(os.Args[1:], os.Stdout, os.Stderr))
	}
	rig.Enter()
	dir, err := os.MkdirTemp("", "regsync-bin-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built.dir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// built is the program under test, built once for all tests and for the tests that these execute in namespaces.
var built struct {
	dir  string
	once sync.Once
	path string
	err  error
}

// regsync returns the path of the program under test.
func regsync(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.path, built.err = rig.Regsync(context.Background(), built.dir); built.err == nil {
			built.err = os.Setenv("REGSYNC", built.path)
		}
	})
	if built.err != nil {
		rig.Missing(t, "regsync", built.err.Error())
	}
	return built.path
}
