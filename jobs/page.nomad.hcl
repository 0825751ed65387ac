# A web page that shows a key of Consul. Change the key, and the page changes: nothing is restarted.
#
#   consul kv put page/text "Hello from Consul"
#   nomad job run jobs/page.nomad.hcl

variable "datacenters" {
  type        = list(string)
  default     = ["*"] # any
  description = "Where the job may run."
}

variable "driver" {
  type        = string
  default     = "exec"
  description = "exec gives a task a small root of its own; raw_exec runs it as the agent's user, unconfined."
}

variable "key" {
  type        = string
  default     = "page/text"
  description = "The Consul key whose value the page shows."
}

variable "port" {
  type        = number
  default     = 8080
  description = "The page's port on the machine that Nomad chooses; 0 lets Nomad choose the port too."
}

job "page" {
  datacenters = var.datacenters
  type        = "service" # runs until it is stopped, and is started again elsewhere when its machine goes

  # An update counts as done when its health check has passed for a while.
  update {
    min_healthy_time  = "5s"
    healthy_deadline  = "2m"
    progress_deadline = "5m"
  }

  group "page" {
    network {
      port "http" {
        static = var.port # 0 is a port of Nomad's choice
      }
    }

    # Found by this name in Consul: "dig page.service.consul", or on Consul's own pages.
    service {
      name = "page"
      port = "http"

      check {
        type     = "http"
        path     = "/"
        interval = "5s"
        timeout  = "2s"
      }
    }

    task "httpd" {
      driver = var.driver

      # An identity of its own, with which it may read all keys. Without this, Consul tells a task nothing.
      consul {}

      config {
        command = "busybox"
        args    = ["httpd", "-f", "-p", "${NOMAD_PORT_http}", "-h", "${NOMAD_TASK_DIR}/www"]
      }

      # Nomad writes the file again whenever the key changes. httpd reads it for each request, so it need not be told.
      template {
        destination = "local/www/index.html"
        change_mode = "noop"
        data        = <<-HTML
          <!doctype html>
          <title>piinit</title>
          <h1>{{ keyOrDefault "${var.key}" "nothing yet" }}</h1>
          <p>from {{ env "node.unique.name" }}</p>
        HTML
      }

      resources {
        cpu    = 50 # MHz
        memory = 32 # MB
      }
    }
  }
}
