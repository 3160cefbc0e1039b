package convert

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/regsync/regsync/internal/draft"
	"github.com/regsync/regsync/spec"
)

// docker reads daemon.json (https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file). Mirrors are for Docker Hub alone, asked in
// order and before it; an insecure registry is asked by TLS that is not verified, and by plain http where that fails.
func (s *source) docker(data []byte) {
	if !s.json(data) {
		return
	}
	var mirrors, insecure *yaml.Node
	for _, root := range s.documents(bytes.ReplaceAll(data, []byte("\t"), []byte(" "))) {
		s.keys(root, "daemon.json", func(key string, at, value *yaml.Node) {
			switch key {
			case "registry-mirrors":
				mirrors = value
			case "insecure-registries":
				insecure = value
			case "allow-nondistributable-artifacts", "proxies":
				s.tail("%s: %s is Docker's alone; nothing is made of it.", s.at(at.Line), key)
			default:
				s.other(key, at)
			}
		})
	}
	open := map[string]bool{} // host:port that Docker does not verify
	if insecure != nil {
		s.list(insecure, "insecure-registries", func(n *yaml.Node) { open[s.text(n, "an insecure registry")] = true })
	}
	if mirrors != nil {
		s.dockerMirrors(mirrors, open)
	}
	if insecure != nil {
		s.list(insecure, "insecure-registries", s.dockerInsecure)
	}
}

// json checks that the file is JSON: what YAML takes beside that dockerd does not.
func (s *source) json(data []byte) bool {
	d := json.NewDecoder(bytes.NewReader(data))
	var any map[string]any
	err := d.Decode(&any)
	if err == nil && d.More() {
		err = errors.New("something stands behind the object")
	}
	if err == nil {
		return true
	}
	offset := int(d.InputOffset())
	if e := (*json.SyntaxError)(nil); errors.As(err, &e) {
		offset = int(e.Offset) - 1
	}
	before := data[:max(0, min(offset, len(data)))]
	line, col := bytes.Count(before, []byte("\n"))+1, len(before)-bytes.LastIndexByte(before, '\n')
	s.report(line, col, "not JSON, as dockerd wants it: %v", err)
	return false
}

func (s *source) dockerMirrors(list *yaml.Node, open map[string]bool) {
	e := s.entry("docker.io", list.Line)
	var asks []draft.Ask
	s.list(list, "registry-mirrors", func(n *yaml.Node) {
		scheme, host, path := split(s.text(n, "a mirror"), "")
		a := draft.Ask{URL: scheme + "://" + host + path + "/v2", Caps: draft.MirrorCaps, Skip: scheme == "https" && open[host]}
		if scheme == "" || path != "" {
			a.How = "dockerd refuses a mirror without a scheme or with a path (" + s.at(n.Line) + ")"
		}
		asks = append(asks, a)
	})
	if len(asks) == 0 {
		e.Leave("it names no mirror")
	}
	s.write(e, append(asks, s.upstream("docker.io")))
}

// dockerInsecure lists one insecure registry. Docker finds out by itself what it speaks; here it has to be said.
func (s *source) dockerInsecure(n *yaml.Node) {
	value := s.text(n, "an insecure registry")
	host := value
	if scheme, rest, ok := strings.Cut(value, "://"); ok {
		s.tail("%s: dockerd takes %s of an insecure registry off.", s.at(n.Line), scheme+"://")
		host = strings.TrimRight(rest, "/")
	}
	for _, e := range s.draft.Entries {
		i := slices.IndexFunc(e.Insecure, func(in spec.Insecure) bool { return in.Host() == host })
		if i >= 0 {
			e.Insecure[i].Only = false // the mirror says what it speaks
			return
		}
	}
	in := draft.Noted[spec.Insecure]{Value: spec.Insecure{Value: host}, Notes: []string{s.at(n.Line)}}
	if p, err := netip.ParsePrefix(host); err == nil {
		in.Value.Value = p.Masked().String()
		in.Notes = append(in.Notes, "a range is for Docker alone: name what containerd is to ask too")
	} else {
		in.Notes = append(in.Notes, "Docker asks it by TLS without verification first, and by http then; here http is meant. If it speaks TLS, write https://"+host)
	}
	if slices.ContainsFunc(s.draft.Insecure, func(o draft.Noted[spec.Insecure]) bool { return o.Value == in.Value }) {
		return
	}
	s.draft.Insecure = append(s.draft.Insecure, in)
}
