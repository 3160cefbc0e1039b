package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/regsync/regsync/internal/doctor"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/render"
)

// ownConfig is the config of a containerd that came by itself.
const ownConfig = "/etc/containerd/config.toml"

// find works out whose containerd pulls. On a node with two it is MicroK8s'. One whose CRI is disabled counts where a kubelet needs it.
func (e *examination) find() error {
	live := func(name string) ([]byte, error) {
		l, err := e.root.Read(name)
		return l.Data, err
	}
	var err error
	section := e.spec.Node
	e.place, err = e.root.Find(section, false, live)
	if errors.Is(err, node.ErrTwoRuntimes) {
		section.Runtime = "microk8s"
		e.unseen = append(e.unseen, "the containerd beside MicroK8s': node: {runtime: containerd} in a file of regsync's is for that")
		e.place, err = e.root.Find(section, false, live)
	}
	kubelet := e.root.Exists("/var/lib/kubelet/config.yaml") || e.root.Exists("/etc/kubernetes/kubelet.conf")
	if err == nil && e.place.Runtime == render.NoRuntime && section.Runtime == "auto" && kubelet && e.root.Exists(ownConfig) {
		section.Runtime = "containerd"
		e.place, err = e.root.Find(section, false, live)
	}
	e.facts.Config.Kubelet = kubelet
	e.facts.Runtime = e.place.Runtime
	return err
}

// file reads one file of the node.
func (e *examination) file(name string) (doctor.File, error) {
	live, err := e.root.Read(name)
	if err != nil {
		return doctor.File{Path: name}, err
	}
	modified, _ := e.root.ModTime(name)
	return doctor.File{Path: name, Data: live.Data, Mode: live.Mode, Modified: modified, Obstacle: live.Obstacle}, nil
}

// readConfig reads containerd's config, and what MicroK8s has made of its template.
func (e *examination) readConfig() error {
	if e.place.Runtime == render.NoRuntime {
		return nil
	}
	c := &e.facts.Config
	var err error
	if c.File, err = e.file(e.place.ConfigFile); err != nil {
		return err
	}
	if c.Data != nil {
		c.Parsed, c.Broken = render.Effective(c.Path, c.Data, e.place.Imports, e.facts.Version)
	}
	if c.Parsed.Path != "" {
		for dir := range strings.SplitSeq(c.Parsed.Path, ":") {
			dir = node.Expand(dir)
			c.Dirs = append(c.Dirs, doctor.ConfiguredDir{Path: dir, There: e.root.IsDir(dir)})
		}
	}
	if e.place.Runtime == render.MicroK8s {
		c.Stopped = e.root.Exists(node.SnapData + "/var/lock/stopped.lock")
	}
	return nil
}

// readDirectories reads certs.d, and lets containerd's loaders judge each directory of it.
func (e *examination) readDirectories() error {
	f := &e.facts
	if e.place.CertsDir == "" {
		return nil
	}
	f.CertsDir = e.place.CertsDir
	names, err := e.root.List(f.CertsDir)
	if err != nil {
		return err
	}
	var judged []string
	for _, name := range names {
		d, err := e.directory(path.Join(f.CertsDir, name))
		if err != nil {
			return err
		}
		if !d.Plain && d.Dangling == "" {
			judged = append(judged, d.Path)
		}
		f.Directories = append(f.Directories, d)
	}
	verdicts, err := probe.Judge(e.root.Dir(), judged, majors(f.Version))
	if err != nil {
		return err
	}
	for i := range f.Directories {
		d := &f.Directories[i]
		d.Judged = verdicts[d.Path]
		if d.Judged == nil && slices.Contains(judged, d.Path) {
			e.unseen = append(e.unseen, "what containerd makes of "+d.Path+", which takes root's rights")
		}
	}
	e.readCertificates()
	e.readOthers()
	return e.readRevisions()
}

// directory reads one entry of certs.d.
func (e *examination) directory(name string) (doctor.Directory, error) {
	d := doctor.Directory{Path: name, Name: path.Base(name)}
	if !e.root.Exists(name) {
		d.Dangling = e.target(name)
		return d, nil
	}
	if !e.root.IsDir(name) {
		d.Plain = true
		return d, nil
	}
	var err error
	hosts := path.Join(name, render.HostsTOML)
	if target := e.target(hosts); target != "" && !e.root.Exists(hosts) {
		d.Link = target
	} else if d.Hosts, err = e.file(hosts); err != nil {
		return d, err
	}
	d.Files, err = e.root.List(name)
	d.Files = slices.DeleteFunc(d.Files, func(n string) bool { return n == render.HostsTOML })
	return d, err
}

// target gives what a link says; empty where there is none.
func (e *examination) target(name string) string {
	dir, err := e.root.Path(path.Dir(name))
	if err != nil {
		return ""
	}
	target, _ := os.Readlink(filepath.Join(dir, path.Base(name)))
	return target
}

// readCertificates reads the certificates that certs.d names or holds.
func (e *examination) readCertificates() {
	seen := map[string]bool{}
	for _, d := range e.facts.Directories {
		for _, name := range doctor.CertificateFiles(d) {
			if seen[name] {
				continue
			}
			seen[name] = true
			live, err := e.root.Read(name)
			if err != nil {
				continue
			}
			e.facts.Certificates = append(e.facts.Certificates, certificatesIn(name, live.Data)...)
		}
	}
}

// certificatesIn gives the certificates of a PEM file. What is none is left out: containerd's loader has spoken of it.
func certificatesIn(name string, data []byte) []doctor.Certificate {
	var all []doctor.Certificate
	rest := data
	for {
		block, after := pem.Decode(rest)
		if block == nil {
			return all
		}
		before := len(data) - len(rest) + bytes.Index(rest, []byte("-----BEGIN"))
		line := 1 + bytes.Count(data[:before], []byte("\n"))
		rest = after
		if block.Type != "CERTIFICATE" {
			continue
		}
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, doctor.Certificate{
				Path: name, Line: line, Subject: strconv.Quote(cert.Subject.String()), NotBefore: cert.NotBefore, NotAfter: cert.NotAfter,
			})
		}
	}
}

// readOthers finds directories like certs.d that no containerd of the node reads.
func (e *examination) readOthers() {
	f := &e.facts
	if f.Config.Parsed.State != render.ConfigOnePath {
		return
	}
	for _, dir := range []string{"/etc/containerd/certs.d", node.SnapData + "/args/certs.d"} {
		others := e.place.Runtime == render.MicroK8s && e.root.Exists(ownConfig) || e.place.Runtime == render.Containerd && dir != "/etc/containerd/certs.d"
		if !others && dir != f.CertsDir && len(e.root.Glob(dir+"/*/"+render.HostsTOML)) > 0 {
			f.Others = append(f.Others, dir)
		}
	}
}
