variable "name" {
  description = "Prefix of everything's name."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "A name of 2 to 21 lower-case letters, digits and hyphens that begins with a letter is expected."
  }
}

variable "region" {
  description = "Region of the services."
  type        = string
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region such as europe-west4 is expected."
  }
}

variable "domain" {
  description = "Name that the platform is reached by. Its A record points to the address that comes out."
  type        = string
  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.domain)) && length(var.domain) <= 64
    error_message = "A host name of at most 64 characters, such as films.example.com, is expected."
  }
}

variable "services" {
  description = "Names of the Cloud Run services that answer HTTP and gRPC."
  type        = object({ http = string, grpc = string })
}
