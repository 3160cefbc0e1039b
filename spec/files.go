package spec

import "fmt"

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
	Path     string   // where in the spec: registries[1].ca[0]
	Position Position // of the entry that names it
	Pair     int      // for a cert, the index of its key among the refs, and the other way round; -1 for a ca
}

// Files lists the files with certificates and keys that the spec names, in its order. Inline certificates are not among them.
func (s *Spec) Files() []FileRef {
	var refs []FileRef
	add := func(kind FileKind, file, path string, at Position, pair int) {
		refs = append(refs, FileRef{kind, file, s.Beside[file], path, at, pair})
	}
	tls := func(t TLS, path string, at Position) {
		for i, ca := range t.CA {
			if !inline(ca) {
				add(FileCA, ca, fmt.Sprintf("%s.ca[%d]", path, i), at, -1)
			}
		}
		if t.Client != nil {
			n := len(refs)
			add(FileCert, t.Client.Cert, path+".client.cert", at, n+1)
			add(FileKey, t.Client.Key, path+".client.key", at, n)
		}
	}
	for i, r := range s.Registries {
		tls(r.TLS, fmt.Sprintf("registries[%d]", i), r.Pos)
	}
	for i, m := range s.Mirrors {
		for j, e := range m.Endpoints {
			tls(e.TLS, fmt.Sprintf("mirrors[%d].endpoints[%d]", i, j), e.Pos)
		}
	}
	return refs
}
