// Package absent stands for Terraform's state backends that are Go modules of their own: Terraform's go.mod finds them
// by a path in its own repository, and as modules they aren't published for its releases.
package absent

import (
	"fmt"
	"os"

	"github.com/hashicorp/terraform/internal/backend"
)

// Backend ends the program and tells why. Terraform makes a backend only where a configuration names it, and the
// backend's own ways to refuse come after complaints about settings that it doesn't know.
func Backend(name string) backend.Backend {
	fmt.Fprintf(os.Stderr, "This Terraform was built from its Go module, and so has no backend %q.\n", name)
	fmt.Fprintln(os.Stderr, "Use the backend local, http or remote, or HashiCorp's own release of Terraform.")
	os.Exit(1)
	return nil
}
