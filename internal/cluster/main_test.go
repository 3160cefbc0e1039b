package cluster

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/test/rig"
)

func TestMain(m *testing.M) {
	if os.Getenv("SHOW_OUTSIDE") != "" {
		fmt.Print(strings.Join(outside([]string{"microk8s", "enable"}), " "))
		os.Exit(0)
	}
	rig.Enter()
	m.Run()
}

// server starts an API server; nil where the test runs outside.
func server(t *testing.T) *rig.Kube {
	t.Helper()
	if _, err := rig.FindKube(); err != nil {
		rig.Missing(t, "kube-apiserver", err.Error())
	}
	if !rig.Isolated(t) {
		return nil
	}
	k, err := rig.StartKube(t.Context(), t.TempDir(), "127.0.0.1:16443")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Stop)
	return k
}

// client is a client of a user of the API server.
func client(t *testing.T, k *rig.Kube, user string) *Client {
	t.Helper()
	config, err := k.Kubeconfig(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(Access{Kubeconfig: "/kubeconfig", Read: func(string) ([]byte, error) { return config, nil }}, "regsync/test")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// account is the service account that every namespace has.
var account = render.ID{Kind: render.KindServiceAccount, Name: "default/default"}

// live is what a plan sees of an object.
func live(t *testing.T, c *Client, id render.ID) []byte {
	t.Helper()
	l, err := c.Look(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return l.Data
}

// names is a change of a service account's references.
func names(id render.ID, before, after []string) plan.Change {
	return plan.Change{ID: id, Action: plan.Update, Before: render.NameList(before), After: render.NameList(after)}
}

func noFile(string) ([]byte, error) { return nil, fs.ErrNotExist }

// targetSecret is a secret that somebody looks at.
var targetSecret = render.ID{Kind: render.KindSecret, Name: "default/harbor"}

func mustTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}
