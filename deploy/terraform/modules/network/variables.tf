variable "name" {
  description = "Prefix of everything's name."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "A name of 2 to 21 lower-case letters, digits and hyphens that begins with a letter is expected."
  }
}

variable "region" {
  description = "Region of the subnetwork."
  type        = string
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region such as europe-west4 is expected."
  }
}

variable "cidr" {
  description = "Addresses of the subnetwork. Each instance on Cloud Run takes one of them, and keeps it for up to 20 minutes after its end."
  type        = string
  default     = "10.24.0.0/20"
  validation {
    condition     = can(cidrhost(var.cidr, 1)) && try(tonumber(split("/", var.cidr)[1]), 32) <= 24
    error_message = "A range of at least 256 IPv4 addresses is expected, such as 10.24.0.0/20."
  }
}
