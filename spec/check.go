package spec

// checker checks what the types cannot say. A zero value is something that the decoder has spoken of already, so the rules
// leave it alone.
type checker struct {
	*tree
	*Spec
}

func check(t *tree, s *Spec) {
}
