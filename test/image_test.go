package test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/regsync/regsync/test/rig"
)

// archive FORM FILE REF[,REF]…: an archive of one new random image for each REF, which may be several names between commas; rig.Archive
// has the forms. Its sha256 goes to $SHA256.
func cmdArchive(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: archive FORM FILE REF[,REF]…")
	}
	data, err := rig.Archive(args[0], args[2:])
	ts.Check(err)
	name := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(filepath.Dir(name), 0o755))
	ts.Check(os.WriteFile(name, data, 0o644))
	ts.Setenv("SHA256", fmt.Sprintf("%x", sha256.Sum256(data)))
}

// cri images: the names of all images, sorted; with the word "pinned" behind those of which the CRI says so.
// cri has NAME…: each of these can be had by a pod that may not pull; negated: none.
func criImages(ts *testscript.TestScript, neg bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client := here(ts).cri(ts)
	if args[0] == "has" {
		for _, name := range args[1:] {
			image, err := client.Status(ctx, name)
			ts.Check(err)
			if (image == nil) != neg {
				ts.Fatalf("the CRI has %s: %v", name, image != nil)
			}
		}
		return
	}
	images, err := client.Images(ctx)
	var lines []string
	for _, image := range images {
		for _, name := range image.RepoTags {
			if image.Pinned {
				name += " pinned"
			}
			lines = append(lines, name)
		}
	}
	slices.Sort(lines)
	fmt.Fprintln(ts.Stdout(), strings.Join(lines, "\n"))
	settle(ts, neg, err)
}

// ctr ARGS…: ctr on the CRI's namespace; *.tar among the arguments are the story's files.
func cmdCtr(ts *testscript.TestScript, neg bool, args []string) {
	for i, arg := range args {
		if strings.HasSuffix(arg, ".tar") {
			args[i] = ts.MkAbs(arg)
		}
	}
	out, err := ctr(rig.ContainerdSocket, args...)
	fmt.Fprint(ts.Stdout(), string(out))
	settle(ts, neg, err)
}

func ctr(socket string, args ...string) ([]byte, error) {
	var complaint strings.Builder
	cmd := exec.Command("ctr", append([]string{"--address", socket, "--namespace", "k8s.io"}, args...)...)
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w: %s", cmd, err, complaint.String())
	}
	return out, nil
}

// lose IMAGE record|pin|managed|layer|config|snapshot: takes a part of an image away, behind everybody's back.
func cmdLose(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 || neg {
		ts.Fatalf("usage: lose IMAGE record|pin|managed|layer|config|snapshot")
	}
	image, err := imageOf(args[0])
	ts.Check(err)
	switch args[1] {
	case "record":
		_, err = ctr(rig.ContainerdSocket, "images", "rm", args[0])
	case "pin":
		_, err = ctr(rig.ContainerdSocket, "images", "label", args[0], "io.cri-containerd.pinned=")
	case "managed":
		_, err = ctr(rig.ContainerdSocket, "images", "label", args[0], "io.cri-containerd.image=")
	case "layer":
		_, err = ctr(rig.ContainerdSocket, "content", "rm", image.layer)
	case "config":
		_, err = ctr(rig.ContainerdSocket, "content", "rm", image.config)
	case "snapshot":
		_, err = ctr(rig.ContainerdSocket, "snapshots", "rm", image.snapshot)
	default:
		ts.Fatalf("no image has a %s", args[1])
	}
	ts.Check(err)
}

// parts are those of an image in containerd's store; layer and snapshot are the topmost.
type parts struct{ config, layer, snapshot string }

func imageOf(name string) (parts, error) {
	list, err := ctr(rig.ContainerdSocket, "images", "ls", "name=="+name)
	if err != nil {
		return parts{}, err
	}
	target := regexp.MustCompile(`sha256:[0-9a-f]{64}`).FindString(string(list))
	for {
		var document struct { // an index, or a manifest
			Manifests []struct {
				Digest   string
				Platform struct{ Architecture string }
			}
			Config struct{ Digest string }
			Layers []struct{ Digest string }
		}
		if err := blobOf(target, &document); err != nil {
			return parts{}, err
		}
		if document.Config.Digest == "" {
			for _, m := range document.Manifests {
				if m.Platform.Architecture == runtime.GOARCH {
					target = m.Digest
				}
			}
			continue
		}
		var config struct {
			RootFS struct {
				DiffIDs []digest.Digest `json:"diff_ids"`
			}
		}
		err := blobOf(document.Config.Digest, &config)
		return parts{
			document.Config.Digest, document.Layers[len(document.Layers)-1].Digest,
			identity.ChainID(config.RootFS.DiffIDs).String(),
		}, err
	}
}

func blobOf(digest string, document any) error {
	data, err := ctr(rig.ContainerdSocket, "content", "get", digest)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, document)
}
