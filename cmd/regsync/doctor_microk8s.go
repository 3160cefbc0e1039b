package main

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/regsync/regsync/internal/archive"
	"github.com/regsync/regsync/internal/doctor"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/render"
)

// readRevisions finds files of MicroK8s' other revisions that were written after the snap had left these.
func (e *examination) readRevisions() error {
	if e.place.Runtime != render.MicroK8s {
		return nil
	}
	snap := path.Dir(node.SnapData)
	on, err := e.root.Path(snap)
	if err != nil {
		return err
	}
	link, err := os.Lstat(filepath.Join(on, "current"))
	if err != nil || link.Mode()&os.ModeSymlink == 0 {
		return nil
	}
	revision := path.Base(e.target(node.SnapData))
	e.facts.Refreshed = revision
	for _, pattern := range []string{"/*/args/containerd-template.toml", "/*/args/certs.d/*/" + render.HostsTOML} {
		for _, name := range e.root.Glob(snap + pattern) {
			rest, _ := strings.CutPrefix(name, snap+"/")
			other, _, _ := strings.Cut(rest, "/")
			if slices.Contains([]string{revision, "current", "common"}, other) {
				continue
			}
			if at, ok := e.root.ModTime(name); ok && at.After(link.ModTime()) {
				e.facts.Left = append(e.facts.Left, doctor.File{Path: name, Modified: at})
			}
		}
	}
	return nil
}

// readSideload looks into MicroK8s' directory for images.
func (e *examination) readSideload(ctx context.Context) {
	for _, name := range e.root.Glob(node.SnapCommon + "/etc/sideload/*.tar") {
		a := doctor.Archive{Path: name}
		if at, ok := e.root.ModTime(name); ok {
			a.Age = time.Since(at)
		}
		real, err := e.root.Path(name)
		if err == nil {
			err = readArchive(ctx, real)
		}
		if err != nil && ctx.Err() == nil {
			a.Problem = err.Error()
		}
		e.facts.Sideload = append(e.facts.Sideload, a)
	}
}

// readArchive says why a file is no archive of images.
func readArchive(ctx context.Context, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	_, err = archive.Read(ctx, f, info.Size())
	return err
}
