variable "name" {
  description = "Name of the machine, its disk and its service account."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.name))
    error_message = "6 to 30 lower-case letters, digits and hyphens are expected: it names a service account too."
  }
}

variable "project" {
  description = "Project whose Secret Manager it reads its credentials from."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project id of 6 to 30 lower-case letters, digits and hyphens is expected."
  }
}

variable "zone" {
  description = "Zone that it stands in."
  type        = string
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+-[a-z]$", var.zone))
    error_message = "A zone such as europe-west4-a is expected."
  }
}

variable "network" {
  description = "Network and subnetwork, the addresses that may connect, and the private zone of names."
  type        = object({ network = string, subnetwork = string, cidr = string, dns_zone = string })
}

variable "machine_type" {
  description = "Machine type. The bus carries messages of a few hundred bytes: the smallest does."
  type        = string
  default     = "e2-small"
  validation {
    condition     = can(regex("^[a-z][a-z0-9]*-[a-z0-9-]+$", var.machine_type))
    error_message = "A machine type such as e2-small is expected."
  }
}

variable "disk_gb" {
  description = "Size of its disk, in GB."
  type        = number
  default     = 10
  validation {
    condition     = var.disk_gb >= 10 && var.disk_gb <= 1000
    error_message = "10 to 1000 GB are expected."
  }
}

variable "secrets" {
  description = "Which secrets, and which versions of them, hold the passwords of services and of programs that follow events, the certificate and its private key."
  type = object({
    password    = object({ secret = string, version = string })
    events      = object({ secret = string, version = string })
    certificate = object({ secret = string, version = string })
    private_key = object({ secret = string, version = string })
  })
}

variable "protected" {
  description = "Whether it refuses to be destroyed."
  type        = bool
  default     = true
}
