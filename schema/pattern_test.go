package schema_test

// Regular expressions for the schema, in the part of the syntax that ECMA 262 and RE2 share.
const (
	port     = `:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])`
	octet    = `(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])`
	ipv4     = `(` + octet + `\.){3}` + octet
	ipv6     = `[0-9a-fA-F]*:[0-9a-fA-F:]*:?[0-9a-fA-F.:]*`
	label    = `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`
	lastPart = `([0-9]*[a-z]([a-z0-9-]*[a-z0-9])?|[0-9]+-[a-z0-9-]*[a-z0-9])` // not a number
	dotted   = `(` + label + `\.)+` + lastPart
	name     = `((` + label + `\.)*` + lastPart + `|` + ipv4 + `|\[` + ipv6 + `\])`

	host             = name + `(` + port + `)?`
	registry         = `(localhost|` + dotted + `|` + ipv4 + `|\[` + ipv6 + `\]|` + name + port + `)(` + port + `)?`
	url              = `https?://` + host + `(/[A-Za-z0-9._~:@!$&'()*+,;=%-]+)*/*`
	insecureEndpoint = `(https://)?` + host + `|https://` + host + `/*`
	insecure         = `(https://)?` + host + `|https://` + host + `/*|[0-9a-fA-F.:]+/[0-9]{1,3}`

	visible   = `[^\x00-\x1f\x7f]+` // a line without control characters
	absolute  = `/[^\x00-\x1f\x7f"\\]*`
	path      = `[^\x00-\x1f\x7f"\\]+`
	subdomain = `[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*`
	time      = `([01][0-9]|2[0-3]):[0-5][0-9]`
	days      = `(Sun|Mon|Tue|Wed|Thu|Fri|Sat)(-(Sun|Mon|Tue|Wed|Thu|Fri|Sat))?`
	duration  = `\+?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+`
	hostname  = `(([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)\.)*[a-z0-9_-]*[a-z_-][a-z0-9_-]*`
	image     = `[A-Za-z0-9.:\[\]-]*[A-Za-z0-9./:@\[\]_-]*`
	token     = "[A-Za-z0-9!#$%&'*+.^_`|~-]+"
)

func whole(pattern string) string { return "^(" + pattern + ")$" }
