variable "project" {
  description = "Project; also the beginning of the buckets' names, which are unique in the world."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project id of 6 to 30 lower-case letters, digits and hyphens is expected."
  }
}

variable "name" {
  description = "Prefix of everything's name."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "A name of 2 to 21 lower-case letters, digits and hyphens that begins with a letter is expected."
  }
}

variable "region" {
  description = "Region of the buckets: that of the services, so that reading costs no transfer."
  type        = string
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region such as europe-west4 is expected."
  }
}

variable "keep_deleted_days" {
  description = "How long what was deleted or written over can be brought back."
  type        = number
  default     = 30
  validation {
    condition     = var.keep_deleted_days >= 1 && var.keep_deleted_days <= 365 && floor(var.keep_deleted_days) == var.keep_deleted_days
    error_message = "1 to 365 whole days are expected."
  }
}

variable "protected" {
  description = "Whether buckets with something in them stay when everything is destroyed."
  type        = bool
  default     = true
}
