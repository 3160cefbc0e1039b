package spec

import (
	"fmt"
	"strings"
)

// Reference is an image reference as Docker and containerd's CRI take it, with what they add to a short one.
type Reference struct {
	Domain string // host, or host:port; empty only where the first part of the name can be no host, as in a__b.c/d
	Path   string // library/nginx
	Tag    string // empty where there is a digest
	Digest string // sha256:…, sha384:… or sha512:…; empty: none
}

// String gives the reference in full: docker.io/library/nginx:latest.
func (r Reference) String() string {
	s := r.Path
	if r.Domain != "" {
		s = r.Domain + "/" + s
	}
	if r.Digest != "" {
		return s + "@" + r.Digest
	}
	return s + ":" + r.Tag
}

// maxPath is how long a repository's path may be.
const maxPath = 255

// ParseReference reads an image reference by Docker's rules (github.com/distribution/reference v0.6, ParseDockerRef): nginx
// is docker.io/library/nginx:latest, and of a tag beside a digest the digest alone counts.
func ParseReference(s string) (Reference, error) {
	if len(s) == 64 && isHex(s) {
		return Reference{}, fmt.Errorf("%s is the digest of an image, and not its name", quote(s))
	}
	domain, rest := splitDomain(s)
	rest, digest, digested := strings.Cut(rest, "@")
	if digested && !isDigest(digest) {
		return Reference{}, fmt.Errorf("the digest %s is none of sha256, sha384 or sha512 in lower case", quote(digest))
	}
	name, tag, tagged := strings.Cut(rest, ":")
	if tagged && !isTag(tag) {
		return Reference{}, fmt.Errorf("the tag %s is not one", quote(tag))
	}
	if !isDomain(domain) {
		domain, name = "", domain+"/"+name
	}
	for part := range strings.SplitSeq(name, "/") {
		if !isPathPart(part) {
			return Reference{}, fmt.Errorf("%s cannot stand in the path of a repository", quote(part))
		}
	}
	if len(name) > maxPath {
		return Reference{}, fmt.Errorf("the path of the repository has %d characters, which is more than %d", len(name), maxPath)
	}
	r := Reference{Domain: domain, Path: name, Tag: tag, Digest: digest}
	switch {
	case digested:
		r.Tag = ""
	case !tagged:
		r.Tag = "latest"
	}
	return r, nil
}

// splitDomain takes the registry off a reference (splitDockerDomain in normalize.go): the part before the first slash, if
// it can be no directory of Docker Hub's.
func splitDomain(s string) (domain, rest string) {
	domain, rest, ok := strings.Cut(s, "/")
	switch {
	case !ok:
		return "docker.io", "library/" + s
	case domain == "index.docker.io":
		domain = "docker.io"
	case domain != "localhost" && !strings.ContainsAny(domain, ".:") && strings.ToLower(domain) == domain:
		return "docker.io", s
	}
	if domain == "docker.io" && !strings.Contains(rest, "/") {
		rest = "library/" + rest
	}
	return domain, rest
}

// isDomain reports whether s is a host name, an IPv4 address or an IPv6 address in brackets, with or without a port.
func isDomain(s string) bool {
	if rest, ok := strings.CutPrefix(s, "["); ok {
		address, port, ok := strings.Cut(rest, "]")
		return ok && address != "" && only(address, isHexDigit, ":") && (port == "" || port[0] == ':' && isNumber(port[1:]))
	}
	name, port, ok := strings.Cut(s, ":")
	if ok && !isNumber(port) {
		return false
	}
	for part := range strings.SplitSeq(name, ".") {
		if part == "" || part[0] == '-' || part[len(part)-1] == '-' || !only(part, isAlphanumeric, "-") {
			return false
		}
	}
	return true
}

// isPathPart reports whether s is lower-case letters and digits, with one dot, one or two underscores or some dashes between them.
func isPathPart(s string) bool {
	separator := "" // what stands since the last letter or digit
	for i := range len(s) {
		c := s[i]
		switch {
		case isAlphanumeric(c) && (c < 'A' || c > 'Z'):
			separator = ""
			continue
		case i == 0:
			return false
		case c == '-' && strings.Trim(separator, "-") == "", c == '_' && (separator == "" || separator == "_"), c == '.' && separator == "":
			separator += string(c)
		default:
			return false
		}
	}
	return s != "" && separator == ""
}

func isTag(s string) bool {
	return s != "" && len(s) <= 128 && s[0] != '.' && s[0] != '-' && only(s, isAlphanumeric, "_.-")
}

// isDigest reports whether s is a digest by one of the algorithms that containerd knows (go-digest, Algorithm.Validate).
func isDigest(s string) bool {
	algorithm, hex, _ := strings.Cut(s, ":")
	return len(hex) == map[string]int{"sha256": 64, "sha384": 96, "sha512": 128}[algorithm] && isHex(hex)
}

func isHex(s string) bool {
	return s != "" && only(s, func(c byte) bool { return isHexDigit(c) && (c < 'A' || c > 'F') }, "")
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func isHexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// only reports whether each byte of s is in a class or in others.
func only(s string, class func(byte) bool, others string) bool {
	for i := range len(s) {
		if !class(s[i]) && strings.IndexByte(others, s[i]) < 0 {
			return false
		}
	}
	return true
}
