package spec

import (
	"path"
	"strings"
)

// besideFile puts the directory of the file before the relative paths that stand in it, and remembers which these were.
func (s *Spec) besideFile() {
	beside := func(p *string, at Position) {
		if *p == "" || path.IsAbs(*p) || strings.Contains(*p, "://") {
			return
		}
		dir := "."
		if at.File != stdin {
			dir = path.Dir(at.File)
		}
		*p = path.Join(dir, *p)
		if s.Beside == nil {
			s.Beside = map[string]bool{}
		}
		s.Beside[*p] = true
	}
	tls := func(t *TLS, at Position) {
		for i := range t.CA {
			if !inline(t.CA[i]) {
				beside(&t.CA[i], at)
			}
		}
		if t.Client != nil {
			beside(&t.Client.Cert, at)
			beside(&t.Client.Key, at)
		}
	}
	for i := range s.Registries {
		tls(&s.Registries[i].TLS, s.Registries[i].Pos)
	}
	for i := range s.Mirrors {
		for j := range s.Mirrors[i].Endpoints {
			tls(&s.Mirrors[i].Endpoints[j].TLS, s.Mirrors[i].Endpoints[j].Pos)
		}
	}
	for i := range s.Credentials {
		c := &s.Credentials[i]
		beside(&c.DockerConfig, c.Pos)
		if c.Password != nil {
			beside(&c.Password.File, c.Pos)
		}
	}
	for i := range s.Preload {
		beside(&s.Preload[i].Archive, s.Preload[i].Pos)
	}
}

// inline reports whether a ca is PEM text and no path.
func inline(ca string) bool { return strings.Contains(ca, "-----BEGIN") }
