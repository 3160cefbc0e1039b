package spec

import (
	"regexp"
	"sync"
)

// pattern gives a regular expression that is compiled when it is first asked for: a run needs few of them.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
