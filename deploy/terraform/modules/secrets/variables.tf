variable "name" {
  description = "Prefix of the secrets' ids: PREFIX-SECRET."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "A name of 2 to 21 lower-case letters, digits and hyphens that begins with a letter is expected."
  }
}

variable "region" {
  description = "Region that the secrets' values are kept in."
  type        = string
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region such as europe-west4 is expected."
  }
}

variable "versions" {
  description = "Which version of each secret is used, by the secret's name. Version 1 of those that are not named."
  type        = map(number)
  default     = {}
  validation {
    condition     = alltrue([for version in values(var.versions) : version >= 1 && floor(version) == version])
    error_message = "Versions are whole numbers from 1 on: a version is pinned, there is no latest."
  }
}
