package agent

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/regsync/regsync/test/rig"
)

// saved is what docker save writes of a random image.
func saved(t *testing.T, ref, arch string) (archive []byte, id string) {
	t.Helper()
	image, err := random.Image(100_000, 3)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = "linux", arch
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := tarball.Write(tag, image, &out); err != nil {
		t.Fatal(err)
	}
	hash, err := image.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), hash.String()
}

// An archive gets into another node's containerd, of each release that nodes run, by way of a stand-in of that node's agent.
func TestContainerd(t *testing.T) {
	if _, err := exec.LookPath("ctr"); err != nil {
		rig.Missing(t, "ctr", err.Error())
	}
	for _, release := range rig.Releases {
		t.Run(release.Name, func(t *testing.T) {
			if _, err := release.Path(t.Context()); err != nil {
				rig.Missing(t, "containerd "+release.Name, err.Error())
			}
			// A proxy that the environment names would get any other client's request to the node.
			t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
			t.Setenv("NO_PROXY", "localhost")
			if rig.Isolated(t) {
				pushToContainerd(t, release)
			}
		})
	}
}

func pushToContainerd(t *testing.T, release rig.Containerd) {
	ctx := patient(t)
	dir, err := os.MkdirTemp("", "neighbour-*") // not t.TempDir: containerd leaves mounts in it
	if err != nil {
		t.Fatal(err)
	}
	node, socket, err := rig.StartNeighbour(ctx, release, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer node.Stop()
	authority, err := rig.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	const there = "192.168.1.141"
	agent, err := rig.StartAgent(net.JoinHostPort(there, strconv.Itoa(Port)), authority, token, rig.Ctr(socket))
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	agents, err := New(token, authority.PEM, Port)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+agent.Address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if proxy, err := http.ProxyFromEnvironment(request); err != nil || proxy == nil {
		t.Fatalf("the environment's proxy is not in force: %v, %v", proxy, err)
	}

	push := func(archive []byte) error {
		return agents.PushAll(ctx, []Node{{Name: "b", Address: there}}, 2, bytesOf(archive), nil)["b"]
	}
	const ref = "harbor.lab/app:1"
	archive, id := saved(t, ref, runtime.GOARCH)
	if err := push(archive); err != nil {
		t.Fatal(err)
	}
	image, err := node.CRI.Status(ctx, ref)
	if err != nil || image == nil || image.Id != id {
		t.Fatalf("the node's CRI has %v, want %s (%v)", image, id, err)
	}
	if image.Pinned {
		t.Error("an image that came by the agent is pinned")
	}

	archive, _ = saved(t, "harbor.lab/other:1", "s390x")
	if err := push(archive); !errors.Is(err, ErrRefused) {
		t.Errorf("an image for another platform: %v", err)
	} else {
		t.Log(err)
	}
	if err := push(garbage(t)); !errors.Is(err, ErrRefused) {
		t.Errorf("no image: %v", err)
	}
	archive, _ = saved(t, "harbor.lab/other:2", runtime.GOARCH)
	agent.Cut, agents.Limit = 300*time.Millisecond, 300*time.Millisecond
	never := make(chan struct{})
	defer close(never)
	half := func() (io.ReadCloser, int64, error) {
		return io.NopCloser(&gate{half: archive[:len(archive)/2], there: never}), int64(len(archive) / 2 * 2), nil
	}
	if err := agents.Push(ctx, Node{Name: "b", Address: there}, half, nil); !errors.Is(err, ErrTimedOut) {
		t.Errorf("an archive that stands still: %v", err)
	}
	images, err := node.CRI.Images(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range images {
		if strings.Contains(strings.Join(image.RepoTags, " "), "other") {
			t.Errorf("the node has %v", image.RepoTags)
		}
	}
}

// garbage is a tar with something else in it.
func garbage(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Name: "readme", Mode: 0o644, Size: 5}); err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "hello")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
