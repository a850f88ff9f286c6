module webhook-receiver-go

go 1.21
