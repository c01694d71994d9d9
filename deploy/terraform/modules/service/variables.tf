variable "name" {
  description = "Name, also of its service account."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.name))
    error_message = "6 to 30 lower-case letters, digits and hyphens are expected: it names a service account too."
  }
}

variable "kind" {
  description = "service: answers requests. worker-pool: dials out, and scales by a count that the autoscaler sets. job: runs once when it is told to."
  type        = string
  default     = "service"
  validation {
    condition     = contains(["service", "worker-pool", "job"], var.kind)
    error_message = "service, worker-pool or job is expected."
  }
}

variable "region" {
  description = "Region that it runs in."
  type        = string
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region such as europe-west4 is expected."
  }
}

variable "image" {
  description = "Image by digest: REPOSITORY@sha256:DIGEST. A tag could come to mean something else."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "REPOSITORY@sha256:DIGEST is expected; tags are refused."
  }
}

variable "args" {
  description = "Arguments for the image's program. Default: its own."
  type        = list(string)
  default     = []
}

variable "network" {
  description = "Subnetwork that everything it sends goes through, and the network's own id."
  type        = object({ network = string, subnetwork = string })
}

variable "env" {
  description = "Settings that are no secrets, by the variable's name."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for name in keys(var.env) : !can(regex("(_KEY|_PASSWORD|_SECRET|_TOKEN|CATALOG_URL|SOURCES_S3)$", name))])
    error_message = "A variable that holds a credential belongs into secrets, by reference."
  }
}

variable "secrets" {
  description = "Settings that are secrets, by the variable's name: which secret, and which version of it."
  type        = map(object({ secret = string, version = string }))
  default     = {}
  validation {
    condition     = alltrue([for reference in values(var.secrets) : can(regex("^[1-9][0-9]*$", reference.version))])
    error_message = "The number of a version is expected: latest would change under a running service."
  }
}

variable "secret_files" {
  description = "Secrets that are mounted as files: by the file's path, which secret and which version of it."
  type        = map(object({ secret = string, version = string }))
  default     = {}
  validation {
    condition     = alltrue([for path, reference in var.secret_files : can(regex("^/[a-z0-9/_-]+/[a-z0-9._-]+$", path)) && can(regex("^[1-9][0-9]*$", reference.version))])
    error_message = "A path /FOLDER/FILE and the number of a version are expected."
  }
}

variable "buckets" {
  description = "Buckets that are mounted as folders, by path."
  type        = map(object({ bucket = string, read_only = bool }))
  default     = {}
}

variable "scaling" {
  description = <<-EOT
    min, max: instances; a worker pool begins with min, and its autoscaler stays within both. cpu: cores. memory: such as 4Gi. concurrency: requests of an instance at once; of
    a worker pool, steps of one stage at once, which is for the autoscaler to reckon with. gpu: such as nvidia-l4, or none.
  EOT
  type = object({
    min         = number
    max         = number
    cpu         = number
    memory      = string
    concurrency = number
    gpu         = optional(string, "")
  })
  validation {
    condition     = var.scaling.min >= 0 && var.scaling.max >= var.scaling.min && var.scaling.max >= 1 && var.scaling.max <= 1000 && floor(var.scaling.min) == var.scaling.min && floor(var.scaling.max) == var.scaling.max
    error_message = "Whole numbers 0 <= min <= max are expected, and max from 1 to 1000."
  }
  validation {
    condition     = contains([1, 2, 4, 6, 8], var.scaling.cpu)
    error_message = "1, 2, 4, 6 or 8 cores are expected: what Cloud Run offers."
  }
  validation {
    condition     = can(regex("^([1-9]|[12][0-9]|3[0-2])Gi$", var.scaling.memory)) || can(regex("^(512|768)Mi$", var.scaling.memory))
    error_message = "Memory from 512Mi to 32Gi is expected, such as 4Gi."
  }
  validation {
    condition     = var.scaling.concurrency >= 1 && var.scaling.concurrency <= 1000 && floor(var.scaling.concurrency) == var.scaling.concurrency
    error_message = "A concurrency of 1 to 1000 is expected."
  }
  validation {
    condition     = contains(["", "nvidia-l4"], var.scaling.gpu) && (var.scaling.gpu == "" || (var.scaling.cpu >= 4 && can(regex("^(1[6-9]|2[0-9]|3[0-2])Gi$", var.scaling.memory))))
    error_message = "nvidia-l4 or nothing is expected; with it at least 4 cores and 16Gi, as Cloud Run wants it."
  }
}

variable "port" {
  description = "Services: port that the image listens on."
  type        = number
  default     = 8080
  validation {
    condition     = var.port >= 1 && var.port <= 65535
    error_message = "A port is expected."
  }
}

variable "http2" {
  description = "Services: speak HTTP/2 to the image, as gRPC needs it."
  type        = bool
  default     = false
}

variable "probe" {
  description = "Services: what tells that it has started: http:/PATH, grpc or tcp."
  type        = string
  default     = "tcp"
  validation {
    condition     = can(regex("^(tcp|grpc|http:/[a-z0-9/_-]*)$", var.probe))
    error_message = "tcp, grpc or http:/PATH is expected."
  }
}

variable "timeout_seconds" {
  description = "Longest request of a service, or run of a job."
  type        = number
  default     = 300
  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 86400
    error_message = "1 to 86400 seconds are expected."
  }
}

variable "works_between_requests" {
  description = "Services: whether it has work to do while nobody asks for anything. It is then paid for by the instance, else by the request."
  type        = bool
  default     = false
}

variable "ingress" {
  description = "Services: who reaches it: internal (the network, and Google's schedulers of the project), or load-balancer (that, and the project's load balancers). The internet never does by itself."
  type        = string
  default     = "internal"
  validation {
    condition     = contains(["internal", "load-balancer"], var.ingress)
    error_message = "internal or load-balancer is expected."
  }
}

variable "checks_its_callers" {
  description = "Services: it asks each caller for a key of its own (HEIMDEX_AUTH_REQUIRED), so Cloud Run lets through whoever reaches it. Otherwise nobody but `invokers` may call."
  type        = bool
  default     = false
}

variable "invokers" {
  description = "Services: members that may call, such as serviceAccount:NAME@PROJECT.iam.gserviceaccount.com, by a word for each."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for member in values(var.invokers) : !contains(["allUsers", "allAuthenticatedUsers"], member)])
    error_message = "Nobody is let in unnamed: a service that asks for keys itself says checks_its_callers."
  }
}

variable "protected" {
  description = "Whether it refuses to be destroyed."
  type        = bool
  default     = true
}
