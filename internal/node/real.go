package node

// Real gives a path of the node with every link followed, as the node names it; empty where it is not there.
func (r *Root) Real(name string) string {
	real, missing, err := r.resolve(name)
	if err != nil || missing != nil || !r.Exists(real) {
		return ""
	}
	return real
}
