package test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/regsync/regsync/test/rig"
)

// Where the node has its files.
const (
	certsDir   = rig.SnapData + "/args/certs.d"
	daemonJSON = "/etc/docker/daemon.json"
)

func hosts(registry string) string { return filepath.Join(certsDir, registry, "hosts.toml") }

// kept gives a drift of one file, that is healed when it is as before. The file may be given by a pattern.
func kept(what, file string, cause func(n *watched, file string)) drift {
	var before string
	var mode os.FileMode
	return drift{
		what: what,
		once: func(n *watched) {
			if found, err := filepath.Glob(file); err == nil && len(found) > 0 {
				file = found[0]
			}
			before = n.read(file)
			info, err := os.Stat(file)
			n.ok(err)
			mode = info.Mode()
		},
		cause: func(n *watched) { cause(n, file) },
		healed: func(n *watched) error {
			info, err := os.Lstat(file)
			if err != nil {
				return err
			}
			if got := n.read(file); got != before || info.Mode() != mode {
				return fmt.Errorf("%s is %s\n%s\nwant %s\n%s", file, info.Mode(), got, mode, before)
			}
			return nil
		},
	}
}

// imported gives a drift of one image, that is healed when it is whole again, managed and pinned.
func imported(what, image string, cause func(n *watched, image string)) drift {
	return drift{
		what: what, cause: func(n *watched) { cause(n, image) },
		healed: func(n *watched) error {
			status, err := n.microk8s.CRI.Status(n.Context(), image)
			switch {
			case err != nil:
				return err
			case status == nil:
				return fmt.Errorf("%s is not there", image)
			case !status.Pinned:
				return fmt.Errorf("%s is not pinned", image)
			case !strings.Contains(n.in("images", "check", "name=="+image), "complete (") || strings.Contains(n.in("images", "check", "name=="+image), "incomplete"):
				return fmt.Errorf("%s is not whole", image)
			}
			return nil
		},
	}
}

// field gives a drift in the cluster, that is healed when a field of an object has a value; empty: when the object is there.
func field(what string, cause func(n *watched), kind, name, pointer, value string) drift {
	return drift{
		what: what, cause: cause,
		healed: func(n *watched) error {
			document, err := n.kube.Get(n.Context(), kind, name)
			if err != nil || pointer == "" {
				return err
			}
			got, err := rig.Field(document, pointer)
			if err == nil && got != value {
				err = fmt.Errorf("%s %s has %q at %s", kind, name, got, pointer)
			}
			return err
		},
	}
}

// says gives a change of what is wanted, that is done when a file says it.
func says(what, file, text string, cause func(n *watched)) drift {
	return drift{
		what: what, cause: cause,
		healed: func(n *watched) error {
			if got := n.read(file); !strings.Contains(got, text) {
				return fmt.Errorf("%s does not say %q:\n%s", file, text, got)
			}
			return nil
		},
	}
}

func edit(old, now string) func(*watched, string) {
	return func(n *watched, file string) {
		n.Helper()
		text := n.read(file)
		if !strings.Contains(text, old) {
			n.Fatalf("%s does not say %q:\n%s", file, old, text)
		}
		info, err := os.Stat(file)
		n.ok(err)
		n.write(file, strings.Replace(text, old, now, 1), info.Mode())
	}
}

func remove(n *watched, file string) { n.Helper(); n.ok(os.Remove(file)) }

const (
	secret  = "/api/v1/namespaces/default/secrets/harbor"
	account = "/api/v1/namespaces/default/serviceaccounts/default"
)

var drifts = []drift{
	kept("a hosts.toml is edited", hosts("r0.lab"), edit("10.0.0.9", "10.0.0.8")),
	kept("a hosts.toml is deleted", hosts("r1.lab"), remove),
	kept("a hosts.toml is emptied", hosts("r2.lab"), func(n *watched, file string) { n.ok(os.Truncate(file, 0)) }),
	kept("a hosts.toml is renamed over", hosts("r3.lab"), func(n *watched, file string) {
		n.write(file+".tmp", "server = \"https://elsewhere.lab\"\n", 0o644)
		n.ok(os.Rename(file+".tmp", file))
	}),
	kept("a hosts.toml is renamed away", hosts("r4.lab"), func(n *watched, file string) { n.ok(os.Rename(file, file+".bak")) }),
	kept("the directory of a registry is removed", hosts("r5.lab"), func(n *watched, file string) {
		away := filepath.Dir(certsDir) + "/away" // one that is removed entry by entry would be filled again meanwhile
		n.ok(os.Rename(filepath.Dir(file), away))
		n.ok(os.RemoveAll(away))
	}),
	kept("the directory of a registry is renamed", hosts("r6.lab"), func(n *watched, file string) { n.ok(os.Rename(filepath.Dir(file), certsDir+"/r6.bak")) }),
	kept("a file with a credential is opened to all", hosts("tls.lab:8443"), func(n *watched, file string) { n.ok(os.Chmod(file, 0o644)) }),
	kept("a CA is deleted", certsDir+"/tls.lab:8443/regsync-ca-*.pem", remove),
	kept("a client's key is opened to all", certsDir+"/tls.lab:8443/*-key.pem", func(n *watched, file string) { n.ok(os.Chmod(file, 0o666)) }),
	kept("a client's certificate is cut off", certsDir+"/tls.lab:8443/regsync-client-*[0-9a-f].pem", func(n *watched, file string) { n.ok(os.Truncate(file, 20)) }),
	kept("a line of our block in /etc/hosts is removed", "/etc/hosts", edit("10.0.0.9 r7.lab\n", "")),
	kept("the end of our block in /etc/hosts is removed", "/etc/hosts", edit("# END regsync\n", "")),
	says("a value of ours is replaced in daemon.json", daemonJSON, `"`+watchedRegistry+`"`, func(n *watched) {
		edit(`"`+watchedRegistry+`"`, `"10.0.0.8:5280"`)(n, daemonJSON)
	}),
	says("daemon.json is deleted", daemonJSON, `"`+watchedRegistry+`"`, func(n *watched) { remove(n, daemonJSON) }),
	kept("a hosts.toml is replaced by a link to another file", hosts("r11.lab"), func(n *watched, file string) {
		n.write(n.path("elsewhere.toml"), "server = \"https://elsewhere.lab\"\n", 0o644)
		n.ok(os.Remove(file))
		n.ok(os.Symlink(n.path("elsewhere.toml"), file))
	}),
	kept("a hosts.toml is replaced by a link to nothing", hosts("r7.lab"), func(n *watched, file string) {
		n.ok(os.Symlink("/nowhere", file+".new"))
		n.ok(os.Rename(file+".new", file))
	}),
	kept("certs.d is removed", hosts("r8.lab"), func(n *watched, _ string) {
		n.ok(os.Rename(certsDir, certsDir+".away"))
		n.ok(os.RemoveAll(certsDir + ".away"))
	}),

	imported("an image is removed by the CRI", "harbor.lab/app0:1", func(n *watched, image string) { n.ok(n.microk8s.CRI.Remove(n.Context(), image)) }),
	imported("an image is removed with ctr", "harbor.lab/app1:1", func(n *watched, image string) { n.in("images", "rm", "--sync", image) }),
	imported("an image's name is moved to another one", "harbor.lab/app2:1", func(n *watched, image string) {
		n.in("images", "tag", "--force", "harbor.lab/app3:1", image)
	}),
	imported("an image's pin is taken away", "harbor.lab/app3:1", func(n *watched, image string) { n.in("images", "label", image, "io.cri-containerd.pinned=") }),
	imported("a blob is deleted", "harbor.lab/app4:1", func(n *watched, image string) {
		for line := range strings.Lines(n.in("images", "ls", "name=="+image)) {
			if words := strings.Fields(line); words[0] == image {
				n.in("content", "rm", words[2])
			}
		}
	}),
	imported("a pulled image is removed", watchedRegistry+"/plant/pulled:1", func(n *watched, image string) { n.ok(n.microk8s.CRI.Remove(n.Context(), image)) }),
	imported("an archive is put beside the others", "harbor.lab/more:1", func(n *watched, _ string) { n.archive("more") }),
	imported("containerd is restarted, and an image is gone", "harbor.lab/app5:1", func(n *watched, image string) {
		n.ok(n.microk8s.Kill())
		n.snap("restart", "microk8s.daemon-containerd")
		ctx, cancel := context.WithTimeout(n.Context(), time.Minute)
		defer cancel()
		n.ok(n.microk8s.CRI.Await(ctx, true))
		n.event()
		n.ok(n.microk8s.CRI.Remove(n.Context(), image))
	}),

	{
		what: "a pull secret is edited",
		cause: func(n *watched) {
			n.object(http.MethodPatch, secret, map[string]any{"data": map[string]any{".dockerconfigjson": "e30="}})
		},
		healed: func(n *watched) error {
			_, err := loginOf(n.Context(), n.kube, "default/harbor", "tls.lab:8443")
			return err
		},
	},
	field("a pull secret is deleted", func(n *watched) { n.object(http.MethodDelete, secret, nil) }, "secret", "default/harbor", "", ""),
	field("a reference is taken from a service account", func(n *watched) {
		n.object(http.MethodPatch, account, map[string]any{"imagePullSecrets": []any{}})
	}, "serviceaccount", "default/default", "/imagePullSecrets/0/name", "harbor"),
	field("a service account is deleted", func(n *watched) { n.object(http.MethodDelete, account, nil) }, "serviceaccount", "default/default", "/imagePullSecrets/0/name", "harbor"),
	field("a namespace is made", func(n *watched) {
		n.object(http.MethodPost, "/api/v1/namespaces", map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "team-a"}})
	}, "secret", "team-a/harbor", "", ""),
	field("the API server is restarted, and a pull secret is gone", func(n *watched) {
		n.kube.Kill()
		n.ok(n.kube.StartAPIServer(n.Context()))
		n.event()
		n.object(http.MethodDelete, secret, nil)
	}, "secret", "default/harbor", "", ""),

	{
		what:  "a credential is rotated",
		cause: func(n *watched) { n.write(n.path("password"), "battery staple\n", 0o600) },
		healed: func(n *watched) error {
			login, err := loginOf(n.Context(), n.kube, "default/harbor", "tls.lab:8443")
			basic := base64.StdEncoding.EncodeToString([]byte("edge:battery staple"))
			if err == nil && (login != "edge:battery staple" || !strings.Contains(n.read(hosts("tls.lab:8443")), basic)) {
				err = fmt.Errorf("the pull secret has %q, and hosts.toml says\n%s", login, n.read(hosts("tls.lab:8443")))
			}
			return err
		},
	},
	{
		what:  "a CA is rotated",
		cause: func(n *watched) { n.write(n.path("ca.crt"), n.read(n.path("other.crt")), 0o600) },
		healed: func(n *watched) error {
			found, err := filepath.Glob(certsDir + "/tls.lab:8443/regsync-ca-*.pem")
			if err == nil && (len(found) != 1 || n.read(found[0]) != n.read(n.path("other.crt"))) {
				err = fmt.Errorf("the new one is not the one of %q", found)
			}
			return err
		},
	},
	says("the file is edited", "/etc/hosts", "10.0.0.6 added.lab", func(n *watched) {
		n.write(n.path("regsync.yaml"), n.spec()+"etcHosts: [{address: 10.0.0.6, names: [added.lab]}]\n", 0o644)
	}),
	says("the file is broken, the node drifts meanwhile, and it is mended", "/etc/hosts", "10.0.0.5 mended.lab", func(n *watched) {
		n.write(n.path("regsync.yaml"), "registries: [\n", 0o644)
		n.ok(os.Remove(hosts("r9.lab")))
		n.await("the drift to be healed by the last good file", func(e event) bool {
			return slices.ContainsFunc(e.Changes, func(c struct{ Kind, Name, Reason string }) bool { return c.Name == hosts("r9.lab") })
		})
		n.event()
		n.write(n.path("regsync.yaml"), n.spec()+"etcHosts: [{address: 10.0.0.5, names: [mended.lab]}]\n", 0o644)
	}),
	says("the ConfigMap of a volume is changed", "/etc/hosts", "10.0.0.7 second.lab", func(n *watched) {
		n.swap("registries: [{host: second.lab, address: 10.0.0.7}]\n")
	}),
	kept("MicroK8s' snap is refreshed to a revision without what we wrote", hosts("r10.lab"), func(n *watched, _ string) {
		const snap = "/var/snap/microk8s/"
		old, err := os.Readlink(rig.SnapData)
		n.ok(err)
		if out, err := exec.Command("cp", "-a", snap+old, snap+"next").CombinedOutput(); err != nil {
			n.Fatalf("%v\n%s", err, out)
		}
		n.ok(os.RemoveAll(snap + "next/args/certs.d"))
		n.ok(os.Rename(snap+"next", snap+"9000"))
		n.ok(os.Symlink("9000", snap+"link"))
		n.event()
		n.ok(os.Rename(snap+"link", rig.SnapData))
	}),
}
