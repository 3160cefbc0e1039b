package doctor

import (
	"fmt"
	"strings"
	"time"

	"github.com/regsync/regsync/render"
)

// running are the traps of what runs on the node.
var running = []Rule{{
	ID: "containerd-down", Severity: Error, Family: Running,
	Title:  "containerd does not answer",
	Cause:  "Nobody answers at containerd's socket. Its config may be one that it does not start with, a hosts.toml may end it at each pull, or MicroK8s was stopped. Nothing is known then of what it has loaded, and of its images.",
	Remedy: "look at its log: journalctl -u containerd, or journalctl -u snap.microk8s.daemon-containerd",
	check: func(f *Facts) []Finding {
		if f.Down == "" || !f.needed() {
			return nil
		}
		finding := found(f.Config.Path, 0, "containerd does not answer: %s", f.Down)
		if f.Config.Stopped {
			finding.Cause, finding.Remedy = "containerd does not answer: MicroK8s was stopped", "microk8s start"
		}
		return one(finding)
	},
}, {
	ID: "cri-down", Severity: Error, Family: Running,
	Title:  "containerd runs without its CRI",
	Cause:  "systemd says active, and ctr works, and kubelet has no runtime: the CRI plugin did not load. The commonest reason is a config with `mirrors` beside `config_path`.",
	Remedy: "put the config right and restart containerd",
	check: func(f *Facts) []Finding {
		if f.CRI == "" || f.Config.Parsed.Disabled && !f.Config.Kubelet {
			return nil
		}
		return one(found(f.Config.Path, 0, "containerd runs, and its CRI does not: %s", f.CRI))
	},
}, {
	ID: "disk-nearly-full", Severity: Warning, Family: Running,
	Title:  "the disk of the images is nearly full",
	Cause:  "From a threshold on (85 % unless kubelet is told otherwise) kubelet removes images that no container uses and that are not pinned, the oldest first. What was imported by hand and cannot be pulled again is then gone.",
	Remedy: "make room, and pin what cannot be pulled; regsync preload pins",
	check: func(f *Facts) []Finding {
		if f.Disk == nil || f.Disk.Capacity == 0 {
			return nil
		}
		used := 100 - int(f.Disk.Available*100/f.Disk.Capacity) // as kubelet works it out (pkg/kubelet/images, GarbageCollect)
		threshold := f.Kubelet.Threshold
		if threshold == 0 {
			threshold = 85
		}
		if used < threshold-nearBy {
			return nil
		}
		says := "near"
		if used >= threshold {
			says = "at or above"
		}
		at := Place{Path: f.Disk.Path}
		if f.Kubelet.Threshold > 0 {
			at = f.Kubelet.ThresholdAt
		}
		return one(found(at.Path, at.Line, "%s is %d %% full, %s the %d %% from which kubelet removes images", f.Disk.Path, used, says, threshold))
	},
}, {
	ID: "kubelet-verifies-images", Severity: Info, Family: Running,
	Title:  "kubelet wants pull secrets for images that are there",
	Cause:  "With `imagePullCredentialsVerificationPolicy: AlwaysVerify` kubelet lets a pod use an image of a private registry only with a matching pull secret, also one that was imported (KEP-2535).",
	Remedy: "give the pods pull secrets, or set NeverVerifyPreloadedImages",
	check: func(f *Facts) []Finding {
		imported := 0
		for _, i := range f.Images {
			if !i.Pulled {
				imported++
			}
		}
		if f.Kubelet.Verify != "AlwaysVerify" || f.Live && imported == 0 {
			return nil
		}
		return one(found(f.Kubelet.VerifyAt.Path, f.Kubelet.VerifyAt.Line, "kubelet verifies credentials for every image: those that were imported need pull secrets too"))
	},
}, {
	ID: "sideload-stuck", Severity: Warning, Family: Running,
	Title:  "an archive is stuck in MicroK8s' directory for images",
	Cause:  "MicroK8s looks into common/etc/sideload every 5 seconds, imports each *.tar and names it *.tar.loaded. One that does not import is tried again for ever. Nothing that comes in this way is pinned.",
	Remedy: "take the file out; regsync preload says what is wrong with an archive, and pins its images",
	check: func(f *Facts) []Finding {
		var all []Finding
		for _, a := range f.Sideload {
			switch {
			case a.Problem != "":
				all = append(all, found(a.Path, 0, "it is no archive of images: %s", a.Problem))
			case f.Live && a.Age > stuckAfter:
				all = append(all, found(a.Path, 0, "it has been lying there for %s and was not imported", a.Age.Round(time.Minute)))
			}
		}
		return all
	},
}}

const (
	nearBy     = 5 // percent below kubelet's threshold from which it is said
	stuckAfter = 5 * time.Minute
)

// stock are the traps of what is in containerd's image store.
var stock = []Rule{{
	ID: "image-not-pinned", Severity: Warning, Family: Images,
	Title:  "imported images that kubelet may remove",
	Cause:  "An image that was imported has no registry to come from again, as far as containerd knows. Unless it is pinned, kubelet's image garbage collection takes it when the disk fills up. MicroK8s never pins (microk8s#2085).",
	Remedy: "name the archive under preload: regsync apply pins its images",
	check: func(f *Facts) []Finding {
		return some(f.Images, "%s imported and not pinned: %s", func(i Image) bool { return !i.Pulled && !i.Pinned && i.Missing == 0 })
	},
}, {
	ID: "image-incomplete", Severity: Error, Family: Images,
	Title: "an image of which parts are missing",
	Cause: "The name is in the store, and a blob of the node's platform is not: an archive of Docker 29 or later that holds an index with other platforms' parts missing, or a store that was cleaned. " +
		"A pod then fails with \"content digest … not found\".",
	Remedy: "import it again, whole: docker save --platform, or pull it; preload checks that all is there",
	check: func(f *Facts) []Finding {
		return some(f.Images, "%s in the store without all of their parts: %s", func(i Image) bool { return i.Missing > 0 })
	},
}, {
	ID: "image-elsewhere", Severity: Info, Family: Images,
	Title:  "images in a namespace that is not Kubernetes'",
	Cause:  "`ctr image import` without `-n k8s.io` puts images into the namespace `default`, where no pod finds them.",
	Remedy: "import them with ctr -n k8s.io, or microk8s ctr",
	check: func(f *Facts) []Finding {
		if n := f.Elsewhere["default"]; n > 0 {
			return one(found("", 0, "%s in containerd's namespace default, where no pod finds it", render.Count(n, "image")))
		}
		return nil
	},
}, {
	ID: "image-pin-without-effect", Severity: Info, Family: Images,
	Title:  "pins on a containerd that does not tell of them",
	Cause:  "The CRI reports pinned images to kubelet from 1.6.22 and 1.7.3 on. Before that kubelet's garbage collection takes them like any other.",
	Remedy: "upgrade containerd",
	check: func(f *Facts) []Finding {
		v := f.Version
		if !v.Known() || v.Major > 1 || v.Minor == 6 && v.Patch >= 22 || v.Minor == 7 && v.Patch >= 3 || v.Minor > 7 {
			return nil
		}
		return some(f.Images, "%s pinned, which "+f.who()+" does not tell kubelet: %s", func(i Image) bool { return i.Pinned && !i.Pulled })
	},
}}

// needed reports whether somebody counts on containerd: it has a config or files in certs.d, or a kubelet. One that came with Docker may rest.
func (f *Facts) needed() bool {
	return f.Runtime == render.MicroK8s || f.Config.Data != nil && !f.Config.Parsed.Disabled || len(f.sites) > 0 || f.Config.Kubelet
}

// some is one finding about all images of which something holds, with the first few by name.
func some(images []Image, format string, holds func(Image) bool) []Finding {
	const shown = 3
	var names []string
	for _, i := range images {
		if holds(i) {
			names = append(names, i.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	list := strings.Join(names[:min(len(names), shown)], ", ")
	if more := len(names) - shown; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	verb := " are"
	if len(names) == 1 {
		verb = " is"
	}
	return one(found("", 0, format, render.Count(len(names), "image")+verb, list))
}
