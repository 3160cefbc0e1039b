package spec

// FileKind says what a file that the spec names must hold.
type FileKind string

// The kinds of files that are read before anything is written: one that containerd cannot read fails every pull of its
// registry.
const (
	FileCA   FileKind = "ca"
	FileCert FileKind = "cert"
	FileKey  FileKind = "key"
)

// FileRef is a file that the spec names.
type FileRef struct {
	Kind     FileKind
	File     string   // the path to open
	Beside   bool     // written relative: beside the spec file, and not on the node
	Path     string   // where in the user's file: registries[1].ca[0]
	Position Position // of the path there
	Pair     int      // for a cert, the index of its key in the list, and the other way round; -1 for a ca
}

// Files lists the files with certificates and keys that the spec names, in its order. Inline certificates are not among them.
func (s *Spec) Files() []FileRef {
	if s.Refs != nil {
		return s.Refs
	}
	return s.files(func(p *place) (Position, string) {
		path := ""
		for _, part := range p.parts() {
			path = part.join(path)
		}
		return Position{}, path
	})
}

// files lists them with their places.
func (s *Spec) files(locate func(*place) (Position, string)) []FileRef {
	var refs []FileRef
	add := func(kind FileKind, file string, p *place, pair int) {
		at, path := locate(p)
		refs = append(refs, FileRef{kind, file, s.Beside[file], path, at, pair})
	}
	tls := func(t *TLS, p *place) {
		for i, ca := range t.CA {
			if !inline(ca) {
				add(FileCA, ca, p.at("ca").nth(i), -1)
			}
		}
		if t.Client != nil {
			n, client := len(refs), p.at("client")
			add(FileCert, t.Client.Cert, client.at("cert"), n+1)
			add(FileKey, t.Client.Key, client.at("key"), n)
		}
	}
	registry, mirror := (*place)(nil).at("registries").nth(0), (*place)(nil).at("mirrors").nth(0)
	endpoint := mirror.at("endpoints").nth(0)
	for i := range s.Registries {
		registry.index = i
		tls(&s.Registries[i].TLS, registry)
	}
	for i := range s.Mirrors {
		mirror.index = i
		for j := range s.Mirrors[i].Endpoints {
			endpoint.index = j
			tls(&s.Mirrors[i].Endpoints[j].TLS, endpoint)
		}
	}
	return refs
}
