package render

// FoundSecret is a pull secret as it was found in the cluster, without what is secret of it.
type FoundSecret struct {
	Namespace, Name string

	Keeper   string       // whose it is: see [Keeper]
	Obstacle string       // why it cannot be looked after, such as "is immutable"; empty: nothing is in the way
	Logins   []FoundLogin // by their registries
	Accounts []string     // service accounts of its namespace that refer to it, by their names
}

// FoundLogin is a login in a pull secret.
type FoundLogin struct {
	Registry string // as in image references
	Username string
	Digest   string // of the password, with a key that nobody keeps: two passwords are the same where their digests are
}
