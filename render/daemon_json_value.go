package render

import (
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// foldValue gives the one spelling of a value that means the same to dockerd.
func foldValue(key, value string) string {
	if key == insecureKey {
		return FoldInsecure(value)
	}
	return FoldMirror(value)
}

// FoldInsecure gives the one spelling of an insecure-registries value: dockerd takes a scheme off, and masks a CIDR, but keeps the
// case of a host (moby registry/config.go, loadInsecureRegistries).
func FoldInsecure(value string) string {
	for _, scheme := range []string{"http://", "https://"} {
		if len(value) >= len(scheme) && strings.EqualFold(value[:len(scheme)], scheme) {
			value = value[len(scheme):]
			break
		}
	}
	if p, err := netip.ParsePrefix(value); err == nil {
		return p.Masked().String()
	}
	return value
}

// FoldMirror gives the one spelling of a registry-mirrors value: with one closing slash, as dockerd shows it, and the host in
// lower case.
func FoldMirror(value string) string {
	if u, err := url.Parse(value); err == nil && u.Host != "" {
		u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
		value = u.String()
	}
	return strings.TrimSuffix(value, "/") + "/"
}

// checkMirror reports what every dockerd has against a registry-mirrors value, and whether it has a path: until 28 that is refused
// too (moby registry/config.go, ValidateMirror).
func checkMirror(value string) (path bool, err error) {
	u, err := url.Parse(value)
	switch {
	case err != nil || !strings.Contains(value, "://"):
		return false, errors.New("is no URL with http:// or https://")
	case u.Scheme != "http" && u.Scheme != "https":
		return false, errors.New("has a scheme that is not http or https")
	case u.RawQuery != "" || u.Fragment != "":
		return false, errors.New("has a query or a fragment")
	case u.User != nil:
		return false, errors.New("has a user name in it")
	}
	return u.Path != "" && u.Path != "/", nil
}

// hostPort is the domain of an image reference, as dockerd asks for (distribution reference/regexp.go, DomainRegexp).
var hostPort = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$`)
})

// checkInsecure reports what dockerd has against an insecure-registries value (moby registry/config.go, loadInsecureRegistries).
func checkInsecure(value string) error {
	value = FoldInsecure(value)
	if strings.Contains(value, "://") {
		return errors.New("has a scheme that is not http or https")
	}
	if _, err := netip.ParsePrefix(value); err == nil {
		return nil
	}
	if _, err := netip.ParseAddr(value); err == nil {
		return nil
	}
	if !hostPort().MatchString(value) {
		return errors.New("is no host:port and no CIDR")
	}
	if i := strings.LastIndexByte(value, ':'); i >= 0 && !strings.HasSuffix(value, "]") {
		if n, err := strconv.Atoi(value[i+1:]); err != nil || n > 65535 {
			return errors.New("has a port that is not between 0 and 65535")
		}
	}
	return nil
}
