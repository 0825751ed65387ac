module github.com/hashicorp/terraform/internal/backend/remote-state

go 1.25

require github.com/hashicorp/terraform v1.14.3
