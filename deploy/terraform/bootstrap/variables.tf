variable "project" {
  description = "Id of the Google Cloud project."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project id of 6 to 30 lower-case letters, digits and hyphens is expected."
  }
}

variable "region" {
  description = "Region of the state's bucket and of the registry."
  type        = string
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region such as europe-west4 is expected."
  }
}

variable "github_repository" {
  description = "OWNER/NAME of the repository whose workflows release and deploy. Default: none, and nobody but people deploys."
  type        = string
  default     = ""
  validation {
    condition     = var.github_repository == "" || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "OWNER/NAME is expected."
  }
}
